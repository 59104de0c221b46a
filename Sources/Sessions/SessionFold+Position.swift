import Events

// Position and folding again.
extension SessionFold {
    /// Where the fold stands. Muted sessions travel in the position in the order of their muting as far as
    /// `Position.maxMuted` and `Position.maxBytes` allow; the others hold the low-water as open ones do.
    public func position() -> Position {
        if let resuming { return resuming.position }
        var travelling = min(muted.list.count, Position.maxMuted)
        while true {
            let position = position(travelling: travelling)
            // Without muted sessions it always fits.
            if travelling == 0 { return position }
            let excess = position.encoded().utf8.count - Position.maxBytes
            if excess <= 0 { return position }
            travelling = max(0, travelling - max(1, excess / 30))
        }
    }

    private func position(travelling: Int) -> Position {
        let holding = muted.list[travelling...]
        let timelines = timelines.map { state in
            var lowWater = (offset: nextOffset, clock: state.clock)
            if case let oldest = Int(state.byAge.first), state.byAge.first != SlotLinks.none {
                lowWater = (sessions[oldest].firstOffset, sessions[oldest].startClock)
            }
            for session in holding where session.timeline == state.timeline && session.firstOffset < lowWater.offset {
                lowWater = (session.firstOffset, session.startClock)
            }
            return Position.TimelinePosition(
                timeline: state.timeline, lowWaterOffset: lowWater.offset, clockAtLowWater: lowWater.clock,
                clockAtNext: state.clock)
        }
        // Named in one order, whatever the order of their first records: a fold that was resumed no longer knows that.
        .sorted { $0.timeline.name < $1.timeline.name }
        return Position(
            start: start, next: nextOffset, digest: parameters.digest, truncatedBefore: truncatedBefore,
            timelines: timelines, counters: counters, sessions: sessionCounters, muted: Array(muted.list[..<travelling])
        )
    }

    /// Folds a record whose outputs are committed. A timeline's records before its own low-water, those of timelines
    /// that had ended by `next`, and those of sessions that travel muted leave no trace in the state at `next`.
    mutating func foldAgain(offset: Int64, time: Int64, _ input: Input) {
        switch input {
        case .unreadable, .end:
            // An end mark closes everything before it, so no low-water of its timeline lies before it.
            break
        case .tick:
            if let live = resumedIndex(of: .live, at: offset) { advance(live, to: time, offset: offset) { _ in } }
        case .event(let event, let key, let timeline):
            guard let index = resumedIndex(of: timeline, at: offset) else { return }
            advance(index, to: timeline == .live ? time : event.timestamp, offset: offset) { _ in }
            if isTravelling(key, on: timeline) { return }
            _ = apply(event, key: key, on: index, offset: offset) { _ in }
        }
    }

    /// The timeline's place where the position knows it and its low-water is reached. The position's timelines are the
    /// first of the fold, in the same order.
    private func resumedIndex(of timeline: Timeline, at offset: Int64) -> Int? {
        guard let resuming, let index = index(of: timeline),
            offset >= resuming.position.timelines[index].lowWaterOffset
        else { return nil }
        return index
    }

    private func isTravelling(_ key: UnsafeBufferPointer<UInt8>, on timeline: Timeline) -> Bool {
        guard let resuming, !resuming.travelling.isEmpty else { return false }
        return resuming.travelling.contains(StableHash.of(bytes: key), on: timeline)
    }

    /// Everything before `next` is folded again.
    mutating func finishResuming() {
        guard let resuming else { return }
        for known in resuming.position.timelines {
            guard let index = timelines.firstIndex(where: { $0.timeline == known.timeline }) else {
                preconditionFailure("SessionFold.finishResuming: timeline \(known.timeline.name) vanished")
            }
            // A log that lost its beginning may have lost the record that carried the clock.
            guard
                timelines[index].clock == known.clockAtNext || resuming.isTruncated
                    || known.lowWaterOffset == resuming.position.next
            else {
                // Not a precondition: those are silent in release builds, and this one can be had by moving files.
                fatalError(
                    """
                    the committed position and the events log do not belong together: folded again, the clock of \
                    \(known.timeline.name) stands at \(timelines[index].clock), not at \(known.clockAtNext); put back \
                    the log that was scored, or score this one from its start into an empty scores file
                    """)
            }
            timelines[index].clock = known.clockAtNext
        }
        var restored = resuming.travelling
        for session in muted.list { restored.append(session) }
        muted = restored
        self.resuming = nil
    }
}
