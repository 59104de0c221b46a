/// An event's own time, from what its sender said and when it came in. All times are milliseconds since the epoch.
struct ReceiptTime {
    let received: Int64

    /// The client's time where it gave one, corrected for its clock's skew where it also said when it sent the event:
    /// the distance between the two is the client's, the end of it ours. The receipt's time where it gave none, and in
    /// place of a time that lies further ahead of the receipt than `EventLimits.futureTolerance_ms`.
    func time(_ timestamp: Int64?, sentAt: Int64?, _ field: String) throws(EventError) -> Int64 {
        var time = timestamp ?? received
        if let timestamp, let sentAt {
            // Both are positive, so their difference cannot overflow; what is left of `received` may.
            let (corrected, overflow) = received.subtractingReportingOverflow(sentAt - timestamp)
            time = overflow ? .max : corrected
        }
        if time > received, time - received > EventLimits.futureTolerance_ms { time = received }
        guard time >= EventLimits.earliestTimestamp else {
            throw EventError(field: field, reason: "before 1990 once the client's clock is corrected by `sentAt`")
        }
        return time
    }
}
