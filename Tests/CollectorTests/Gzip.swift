import CZlib

/// Compresses as a client would.
func gzipped(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let input = Array(bytes)
    var stream = z_stream()
    // 15 + 16: the largest window, with gzip's header and trailer.
    let ready = deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    precondition(ready == Z_OK)
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(input.count))) + 32)
    let code = input.withUnsafeBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            return deflate(&stream, Z_FINISH)
        }
    }
    precondition(code == Z_STREAM_END)
    output.removeLast(Int(stream.avail_out))
    return output
}
