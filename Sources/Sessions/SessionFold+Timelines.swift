import Events

// Timelines: their clocks and ends.
extension SessionFold {
    func index(of timeline: Timeline) -> Int? {
        timelines.firstIndex { $0.timeline == timeline }
    }

    mutating func index(of timeline: Timeline, startingAt time: Int64) -> Int? {
        if let index = index(of: timeline) { return index }
        let replays = timelines.count { $0.timeline != .live }
        if timeline != .live, replays >= parameters.maxReplays { return nil }
        timelines.append(TimelineState(timeline: timeline, clock: time))
        return timelines.count - 1
    }

    mutating func advance(
        _ index: Int, to time: Int64, offset: Int64, closed: (ClosedSession) -> Void
    ) {
        guard time > timelines[index].clock else { return }
        timelines[index].clock = time
        while case let first = timelines[index].byActivity.first, first != SlotLinks.none,
            time - sessions[Int(first)].lastClock > parameters.idleGap_ms
        {
            close(first, on: index, closing: .silence, offset: offset, closed: closed)
        }
        muted.sweep(timelines[index].timeline, clock: time, gap_ms: parameters.idleGap_ms)
    }

    mutating func end(_ timeline: Timeline, offset: Int64, closed: (ClosedSession) -> Void) {
        guard let index = index(of: timeline) else { return }
        while case let first = timelines[index].byActivity.first, first != SlotLinks.none {
            close(first, on: index, closing: .end, offset: offset, closed: closed)
        }
        muted.removeAll { $0.timeline == timeline }
        timelines.remove(at: index)
    }
}
