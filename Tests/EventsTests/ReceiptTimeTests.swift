import Events
import Testing

/// An event's own time: the client's, corrected for its clock's skew, never far ahead of the receipt.
struct ReceiptTimeTests {
    private func time(_ timestamp: String, sentAt: String? = nil, received: Int64 = receipt) throws -> Int64 {
        let sentAt = sentAt.map { #","sentAt":\#($0)"# } ?? ""
        let own = #"{"type":"add","session":"S","timestamp":\#(timestamp)\#(sentAt)}"#
        let enveloped = #"{"events":[{"type":"add","session":"S","timestamp":\#(timestamp)}]\#(sentAt)}"#
        let times = try [decode(own, received: received), decode(enveloped, received: received)].map {
            try $0.event().timestamp
        }
        #expect(times[0] == times[1], "an event's own sentAt and an envelope's are the same")
        return times[0]
    }

    @Test func withoutSentAtTheClientIsBelieved() throws {
        #expect(try time("\(receipt - 86_400_000)") == receipt - 86_400_000)
    }

    @Test func aSkewedClockIsCorrected() throws {
        for skew: Int64 in [-10 * 365 * 86_400_000, -1, 0, 1, 3_600_000, 10 * 365 * 86_400_000] {
            #expect(
                try time("\(receipt + skew - 2_500)", sentAt: "\(receipt + skew)") == receipt - 2_500,
                "a clock that is off by \(skew) ms")
        }
    }

    @Test func theFarFutureIsClampedToTheReceipt() throws {
        let tolerance = EventLimits.futureTolerance_ms
        #expect(try time("\(receipt + tolerance)") == receipt + tolerance)
        #expect(try time("\(receipt + tolerance + 1)") == receipt)
        #expect(try time("\(receipt + tolerance + 1)", sentAt: "\(receipt)") == receipt)
        for far in ["9223372036854775807", "9223372036854775808", "1e19", "1e300"] {
            #expect(try time(far) == receipt)
            #expect(try time(far, sentAt: "631152000000") == receipt)
            #expect(try time(far, sentAt: far) == receipt)
        }
    }

    @Test func aTimeThatTheCorrectionPutsBefore1990IsRejected() throws {
        let items = try decode(
            #"{"type":"add","session":"S","timestamp":631152000000,"sentAt":9223372036854775807}"#)
        #expect(
            items.errors.map(\.description) == [
                "timestamp: before 1990 once the client's clock is corrected by `sentAt`"
            ])
    }

    @Test func sentAtWithoutATimeChangesNothing() throws {
        let items = try decode(#"{"type":"add","session":"S","sentAt":1600000000000}"#)
        #expect(try items.event().timestamp == receipt)
    }

    @Test func anElementsOwnSentAtGoesBeforeTheEnvelopes() throws {
        let body =
            #"{"events":[{"type":"add","session":"S","timestamp":1500000000000,"sentAt":1500000001000}],"sentAt":1}"#
        #expect(
            failure { () throws(EventError) in _ = try decode(body) }?.description
                == "sentAt: before 1990; milliseconds since 1970 are wanted")
        #expect(
            try decode(body.replacing("\"sentAt\":1}", with: "\"sentAt\":1600000000000}")).event().timestamp == receipt
                - 1_000)
    }
}
