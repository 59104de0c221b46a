/// Slots by time, the earliest first; equal times in the order of their slots. A binary heap.
struct Agenda: Sendable {
    private var times: [Int64] = []
    private var slots: [Int32] = []

    var first: (time: Int64, slot: Int32)? {
        guard let time = times.first else { return nil }
        return (time, slots[0])
    }

    mutating func insert(time: Int64, slot: Int32) {
        times.append(time)
        slots.append(slot)
        var child = times.count - 1
        while child > 0, case let parent = (child - 1) / 2, isBefore(child, parent) {
            swap(child, parent)
            child = parent
        }
    }

    /// The first slot's time is now another.
    mutating func replaceFirst(time: Int64) {
        times[0] = time
        sink()
    }

    mutating func removeFirst() {
        swap(0, times.count - 1)
        times.removeLast()
        slots.removeLast()
        sink()
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < times.count && isBefore(child, least) {
                least = child
            }
            if least == parent { return }
            swap(parent, least)
            parent = least
        }
    }

    private func isBefore(_ one: Int, _ other: Int) -> Bool {
        times[one] != times[other] ? times[one] < times[other] : slots[one] < slots[other]
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        times.swapAt(one, other)
        slots.swapAt(one, other)
    }
}
