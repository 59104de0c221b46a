/// A doubly linked list threaded through slots: O(1) append, removal and first. The links of all lists of one kind
/// stand in one `SlotLinks`; a slot is in at most one list of that kind at a time.
struct SlotList: Sendable {
    var first: Int32 = SlotLinks.none
    var last: Int32 = SlotLinks.none
}

struct SlotLinks: Sendable {
    static let none: Int32 = -1
    private var before: [Int32] = []
    private var after: [Int32] = []

    mutating func grow() {
        before.append(Self.none)
        after.append(Self.none)
    }

    mutating func append(_ slot: Int32, to list: inout SlotList) {
        before[Int(slot)] = list.last
        after[Int(slot)] = Self.none
        if list.last == Self.none { list.first = slot } else { after[Int(list.last)] = slot }
        list.last = slot
    }

    mutating func remove(_ slot: Int32, from list: inout SlotList) {
        let previous = before[Int(slot)]
        let next = after[Int(slot)]
        if previous == Self.none { list.first = next } else { after[Int(previous)] = next }
        if next == Self.none { list.last = previous } else { before[Int(next)] = previous }
    }

    func next(of slot: Int32) -> Int32 { after[Int(slot)] }
}
