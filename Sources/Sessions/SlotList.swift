/// A doubly linked list threaded through slots: O(1) append, removal and first. The links of all lists of one kind
/// stand in one `SlotLinks`; a slot is in at most one list of that kind at a time.
struct SlotList: Sendable {
    var first: Int32 = SlotLinks.none
    var last: Int32 = SlotLinks.none
}

struct SlotLinks: Sendable {
    static let none: Int32 = -1

    private struct Link: Sendable {
        var before = SlotLinks.none
        var after = SlotLinks.none
    }

    private var links: ContiguousArray<Link> = []

    mutating func grow() {
        links.append(Link())
    }

    mutating func append(_ slot: Int32, to list: inout SlotList) {
        links[Int(slot)] = Link(before: list.last)
        if list.last == Self.none { list.first = slot } else { links[Int(list.last)].after = slot }
        list.last = slot
    }

    mutating func remove(_ slot: Int32, from list: inout SlotList) {
        let link = links[Int(slot)]
        if link.before == Self.none { list.first = link.after } else { links[Int(link.before)].after = link.after }
        if link.after == Self.none { list.last = link.before } else { links[Int(link.after)].before = link.before }
    }
}
