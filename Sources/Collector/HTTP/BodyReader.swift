import EventLog
import HTTPTypes
import Hummingbird
import NIOCore

/// Reads a request's body into memory, within the limits, inflated where it is gzip.
struct BodyReader: Sendable {
    let maxBodyBytes: Int
    let maxInflatedBytes: Int
    let metrics: CollectorMetrics

    private enum Encoding { case identity, gzip }

    /// Throws `CollectorError`, or what the connection throws where the sender goes away.
    func read(_ request: Request, _ share: HeldBytes.Share) async throws -> [UInt8] {
        try checkType(request.headers[.contentType])
        let encoding = try encoding(request.headers[.contentEncoding])
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        if let declared { try checkSize(declared) }
        let (body, count) =
            switch encoding {
            case .identity: try await plain(request.body, expecting: declared ?? 0, share)
            case .gzip: try await inflated(request.body, share)
            }
        // A connection that ends within a body is reported as the body's end.
        if let declared, count != declared {
            throw CollectorError.unreadable("the body ended after \(count) of \(declared) bytes")
        }
        return body
    }

    private func plain(
        _ chunks: RequestBody, expecting count: Int, _ share: HeldBytes.Share
    ) async throws -> ([UInt8], count: Int) {
        var body: [UInt8] = []
        body.reserveCapacity(count)
        for try await chunk in chunks {
            metrics.received(chunk.readableBytes)
            try checkSize(body.count + chunk.readableBytes)
            try share.take(chunk.readableBytes)
            body.append(contentsOf: chunk.readableBytesView)
        }
        return (body, body.count)
    }

    private func inflated(_ chunks: RequestBody, _ share: HeldBytes.Share) async throws -> ([UInt8], count: Int) {
        let inflater = try Inflater(limit: maxInflatedBytes, share: share)
        var start: [UInt8] = []
        var count = 0
        do {
            for try await chunk in chunks {
                metrics.received(chunk.readableBytes)
                count += chunk.readableBytes
                try checkSize(count)
                start.append(contentsOf: chunk.readableBytesView.prefix(RejectedRecord.maxBytes - start.count))
                try chunk.withUnsafeReadableBytes { try inflater.feed($0) }
            }
            return (try inflater.finish(), count)
        } catch CollectorError.unreadable(let reason, _) {
            throw CollectorError.unreadable(reason, bytes: start)
        }
    }

    private func checkSize(_ count: Int) throws(CollectorError) {
        guard count <= maxBodyBytes else {
            throw .tooLarge("a body of more than the \(maxBodyBytes) bytes allowed; send it in several")
        }
    }

    private func checkType(_ value: String?) throws(CollectorError) {
        let type = (value ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        switch type {
        case "application/json", "text/plain", "application/x-ndjson": return
        default:
            let found = type.isEmpty ? "no Content-Type" : "Content-Type \(type.prefix(64))"
            throw .unsupported("\(found); known are application/json, text/plain, application/x-ndjson")
        }
    }

    private func encoding(_ value: String?) throws(CollectorError) -> Encoding {
        switch (value ?? "").lowercased().filter({ $0 != " " && $0 != "\t" }) {
        case "", "identity": return .identity
        case "gzip", "x-gzip": return .gzip
        case let other: throw .unsupported("Content-Encoding \(other.prefix(64)); known is gzip")
        }
    }
}
