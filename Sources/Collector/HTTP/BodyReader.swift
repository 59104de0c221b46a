import EventLog
import Hummingbird
import NIOCore

/// Reads requests' bodies into memory, within the limits, inflated where they are gzip.
struct BodyReader: Sendable {
    let maxBodyBytes: Int
    let maxInflatedBytes: Int
    let metrics: CollectorMetrics

    /// What the head says of the body, before any of it has come.
    func begin(_ head: RequestHead) throws(CollectorError) -> IncomingBody {
        try Self.checkType(head.value("content-type"))
        let isGzip = try Self.isGzip(head.value("content-encoding"))
        let declared = head.value("content-length").flatMap { Int($0) }
        let body = IncomingBody(reader: self, isGzip: isGzip, declared: declared)
        if let declared { try body.checkSize(declared) }
        return body
    }

    /// The whole body, by way of the router. Throws `CollectorError`, or what the connection throws where the sender
    /// goes away.
    func read(_ request: Request, _ head: RequestHead, _ share: HeldBytes.Share) async throws -> [UInt8] {
        var body = try begin(head)
        for try await chunk in request.body { try body.take(chunk, share) }
        return try body.finish(share)
    }

    private static func checkType(_ value: String?) throws(CollectorError) {
        // What nearly everybody sends, compared at once.
        if value == "application/json" { return }
        let type = (value ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        switch type {
        case "application/json", "text/plain", "application/x-ndjson": return
        default:
            let found = type.isEmpty ? "no Content-Type" : "Content-Type \(type.prefix(64))"
            throw .unsupported("\(found); known are application/json, text/plain, application/x-ndjson")
        }
    }

    private static func isGzip(_ value: String?) throws(CollectorError) -> Bool {
        guard let value else { return false }
        switch value.lowercased().filter({ $0 != " " && $0 != "\t" }) {
        case "", "identity": return false
        case "gzip", "x-gzip": return true
        case let other: throw .unsupported("Content-Encoding \(other.prefix(64)); known is gzip")
        }
    }
}

/// One body on its way in.
struct IncomingBody: Sendable {
    private let reader: BodyReader
    private let isGzip: Bool
    /// `Content-Length`.
    private let declared: Int?
    /// As it came over the wire.
    private var bytes: [UInt8] = []

    fileprivate init(reader: BodyReader, isGzip: Bool, declared: Int?) {
        self.reader = reader
        self.isGzip = isGzip
        self.declared = declared
    }

    /// How many bytes there are to read, roughly: gzip of JSON inflates to some ten times as many.
    var weight: Int { isGzip ? 10 * bytes.count : bytes.count }

    mutating func take(_ chunk: ByteBuffer, _ share: HeldBytes.Share) throws(CollectorError) {
        reader.metrics.received(chunk.readableBytes)
        try checkSize(bytes.count + chunk.readableBytes)
        try share.take(chunk.readableBytes)
        if bytes.isEmpty, let declared { bytes.reserveCapacity(declared) }
        bytes.append(contentsOf: chunk.readableBytesView)
    }

    /// The body as it was meant.
    func finish(_ share: HeldBytes.Share) throws(CollectorError) -> [UInt8] {
        // By way of the router a connection that ends within a body is reported as the body's end.
        if let declared, bytes.count != declared {
            throw .unreadable("the body ended after \(bytes.count) of \(declared) bytes")
        }
        guard isGzip else { return bytes }
        do throws(CollectorError) {
            let inflater = try Inflater(limit: reader.maxInflatedBytes, share: share)
            let fed = bytes.withUnsafeBytes { bytes in
                Result { () throws(CollectorError) in try inflater.feed(bytes) }
            }
            try fed.get()
            return try inflater.finish()
        } catch {
            guard case .unreadable(let reason, _) = error else { throw error }
            throw .unreadable(reason, bytes: Array(bytes.prefix(RejectedRecord.maxBytes)))
        }
    }

    fileprivate func checkSize(_ count: Int) throws(CollectorError) {
        guard count <= reader.maxBodyBytes else {
            throw .tooLarge("a body of more than the \(reader.maxBodyBytes) bytes allowed; send it in several")
        }
    }
}
