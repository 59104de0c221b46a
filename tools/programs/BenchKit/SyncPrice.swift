import Foundation

/// What one durable write costs on a disk, with nothing of ours around it: 4 KiB overwritten, then fdatasync.
public enum SyncPrice {
    private static let writes = 1_000

    /// - Throws: where the directory cannot be written.
    public static func measure(in directory: String) throws -> [Duration] {
        let path = directory + "/sync-\(getpid())"
        let descriptor = open(path, O_RDWR | O_CREAT, 0o644)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path]) }
        defer {
            close(descriptor)
            unlink(path)
        }
        let page = [UInt8](repeating: 1, count: 4_096)
        func write(_ number: Int) {
            pwrite(descriptor, page, page.count, off_t(number * page.count))
            fdatasync(descriptor)
        }
        // First made, then measured: the WAL, too, is overwritten most of the time.
        for number in 0..<writes { write(number) }
        return (0..<writes).map { number in
            let started = ContinuousClock.now
            write(number)
            return ContinuousClock.now - started
        }
    }

    /// In one line: median and 99th percentile.
    public static func line(for directory: String) throws -> String {
        let sorted = try measure(in: directory).sorted()
        func at(_ share: Double) -> Int { Int(sorted[Int(share * Double(sorted.count - 1))] / .microseconds(1)) }
        return "price of an fsync there: \(at(0.5)) µs (99th percentile \(at(0.99)) µs)"
    }
}
