import CZlib

/// Undoes gzip (RFC 1952, several members one behind the other included) piece by piece, and stops at the first byte
/// beyond its limit: a bomb is never inflated further than that.
final class Inflater {
    /// zlib keeps a pointer to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let limit: Int
    private let share: HeldBytes.Share
    private var output: [UInt8] = []
    private var consumed = 0
    /// The last member is complete; more input would begin another.
    private var isBetweenMembers = false

    private static let scratchBytes = 32_768
    /// zlib's `windowBits`: the largest window, and 16 for "gzip only".
    private static let windowBits: Int32 = 15 + 16

    init(limit: Int, share: HeldBytes.Share) throws(CollectorError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.limit = limit
        self.share = share
        guard dinghy_inflateInit2(stream, Self.windowBits) == Z_OK else {
            throw .unavailable("no memory to inflate with", retryAfter_s: CollectorError.retryAfter_s)
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func feed(_ input: UnsafeRawBufferPointer) throws(CollectorError) {
        guard let start = input.bindMemory(to: UInt8.self).baseAddress, !input.isEmpty else { return }
        // zlib reads its input through a pointer that is not const, and leaves it as it is.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
        stream.pointee.avail_in = UInt32(input.count)
        let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.scratchBytes) { scratch in
            Result { () throws(CollectorError) in try inflateInput(through: scratch) }
        }
        consumed += input.count
        try result.get()
    }

    /// What came out, once all input has been fed.
    func finish() throws(CollectorError) -> [UInt8] {
        guard isBetweenMembers else {
            throw .unreadable("the gzip body ends too early (at byte \(consumed))")
        }
        return output
    }

    private func inflateInput(through scratch: UnsafeMutableBufferPointer<UInt8>) throws(CollectorError) {
        let inputCount = Int(stream.pointee.avail_in)
        repeat {
            if isBetweenMembers {
                inflateReset(stream)
                isBetweenMembers = false
            }
            stream.pointee.next_out = scratch.baseAddress
            stream.pointee.avail_out = UInt32(scratch.count)
            let code = inflate(stream, Z_NO_FLUSH)
            let count = scratch.count - Int(stream.pointee.avail_out)
            guard output.count + count <= limit else {
                throw .tooLarge("the body inflates to more than the \(limit) bytes allowed; send it in several")
            }
            try share.take(count)
            output.append(contentsOf: scratch[..<count])
            switch code {
            case Z_OK: break
            case Z_STREAM_END: isBetweenMembers = true
            case Z_BUF_ERROR: return  // All input is used up.
            default:
                let position = consumed + inputCount - Int(stream.pointee.avail_in)
                throw .unreadable("the body is not gzip as its Content-Encoding says (at byte \(position))")
            }
        } while stream.pointee.avail_in > 0 || (stream.pointee.avail_out == 0 && !isBetweenMembers)
    }
}
