import Events

// Sessions: their events, opening, closing, muting.
extension SessionFold {
    /// Folds an event of a timeline whose clock has been advanced to it.
    mutating func apply(
        _ event: EventFacts, key: UnsafeBufferPointer<UInt8>, on index: Int, offset: Int64,
        closed: (ClosedSession) -> Void
    ) -> Outcome {
        let clock = timelines[index].clock
        if !muted.isEmpty, muted.touch(StableHash.of(bytes: key), on: timelines[index].timeline, clock: clock) {
            return .muted
        }
        let hash = SlotTable.hash(key)
        let slot: Int32
        if let open = openSlot(of: key, hash, on: index) {
            if Int(sessions[Int(open)].records) >= parameters.maxRecords
                || clock - sessions[Int(open)].startClock > parameters.maxDuration_ms
            {
                mute(open, on: index, clock: clock, offset: offset, closed: closed)
                return .muted
            }
            slot = open
            activity.remove(slot, from: &timelines[index].byActivity)
        } else {
            slot = self.open(event, key: key, hash, on: index, offset: offset)
        }
        activity.append(slot, to: &timelines[index].byActivity)
        let outOfOrder = sessions[Int(slot)].outOfOrder
        let effect = sessions[Int(slot)].apply(event, offset: offset, clock: clock, &histories)
        if resuming == nil { sessionCounters.outOfOrder += Int64(sessions[Int(slot)].outOfOrder - outOfOrder) }
        return switch effect {
        case .step: .step(slot: Int(slot))
        case .afterPurchase: .afterPurchase(slot: Int(slot))
        case .repeated: .repeated(slot: Int(slot))
        }
    }

    func openSlot(of key: UnsafeBufferPointer<UInt8>, _ hash: UInt32, on index: Int) -> Int32? {
        timelines[index].slots.slot(hash) { slot in
            // Keys are native strings, whose bytes stand in one piece.
            sessions[Int(slot)].key.utf8.withContiguousStorageIfAvailable { Self.areEqual($0, key) }
                ?? sessions[Int(slot)].key.utf8.elementsEqual(key)
        }
    }

    /// A loop over words costs a fraction of `elementsEqual`.
    private static func areEqual(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        let left = UnsafeRawBufferPointer(left)
        let right = UnsafeRawBufferPointer(right)
        var index = 0
        while index + 8 <= left.count {
            let word = left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard word == right.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
            index += 8
        }
        while index < left.count, left[index] == right[index] { index += 1 }
        return index == left.count
    }

    private mutating func open(
        _ event: EventFacts, key: UnsafeBufferPointer<UInt8>, _ hash: UInt32, on index: Int, offset: Int64
    ) -> Int32 {
        let session = OpenSession(
            key: String(decoding: key, as: UTF8.self), timeline: timelines[index].timeline, firstOffset: offset,
            clock: timelines[index].clock, timestamp: event.timestamp, truncated: offset < truncatedBefore)
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            sessions[Int(slot)] = session
        } else {
            slot = Int32(sessions.count)
            sessions.append(session)
            activity.grow()
            age.grow()
        }
        timelines[index].slots.insert(slot, hash)
        age.append(slot, to: &timelines[index].byAge)
        openSessions += 1
        if resuming == nil { sessionCounters.opened += 1 }
        return slot
    }

    mutating func close(
        _ slot: Int32, on index: Int, closing: Closing, offset: Int64, closed: (ClosedSession) -> Void
    ) {
        activity.remove(slot, from: &timelines[index].byActivity)
        age.remove(slot, from: &timelines[index].byAge)
        let open = sessions[Int(slot)]
        var key = open.key
        timelines[index].slots.remove(slot, key.withUTF8 { SlotTable.hash($0) })
        let steps = resuming == nil && reportsSteps ? steps(of: open) : []
        // The slot keeps nothing of it that has a size.
        histories.release(&sessions[Int(slot)].history)
        sessions[Int(slot)].key = ""
        sessions[Int(slot)].timeline = .live
        freeSlots.append(slot)
        openSessions -= 1
        guard resuming == nil else { return }
        if closing == .muted { sessionCounters.muted += 1 } else { sessionCounters.closed += 1 }
        if open.purchase != nil { sessionCounters.purchased += 1 }
        if open.adds > 0 { sessionCounters.withAdd += 1 }
        if open.truncated { sessionCounters.truncated += 1 }
        if open.isBot { sessionCounters.bots += 1 }
        closed(
            ClosedSession(
                slot: Int(slot), session: Session(open, steps: steps), closing: closing, closedAt: offset))
    }

    private mutating func mute(
        _ slot: Int32, on index: Int, clock: Int64, offset: Int64, closed: (ClosedSession) -> Void
    ) {
        let session = sessions[Int(slot)]
        close(slot, on: index, closing: .muted, offset: offset, closed: closed)
        muted.append(
            MutedSession(
                timeline: session.timeline, keyHash: StableHash.of(session.key), firstOffset: session.firstOffset,
                startClock: session.startClock, lastClock: clock))
    }
}

/// A session at the moment it is no longer open.
public struct ClosedSession: Sendable {
    /// Free from now on.
    public var slot: Int
    public var session: Session
    public var closing: Closing
    /// The offset of the record that closed it.
    public var closedAt: Int64
}
