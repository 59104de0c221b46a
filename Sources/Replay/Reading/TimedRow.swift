/// A CSV record with its place in time.
package struct TimedRow: Sendable, Equatable {
    /// Milliseconds since the epoch: the row's own where it can be read, otherwise that of the last row before it
    /// whose can be, so that a broken row stays among its neighbours; `beforeAll` where there is none.
    package var time: Int64
    /// The line of the file on which the record starts, from 1.
    package var line: Int
    /// The record without its line end; its first bytes where it is too long.
    package var bytes: ArraySlice<UInt8>
    /// Why the record as such is of no use: too long, or a quote that never closes.
    package var flaw: String?

    package static let beforeAll = Int64.min

    package init(time: Int64, line: Int, bytes: ArraySlice<UInt8>, flaw: String? = nil) {
        self.time = time
        self.line = line
        self.bytes = bytes
        self.flaw = flaw
    }
}

/// Rows one after the other, for one reader.
package protocol RowSource: AnyObject {
    /// `nil` after the last one.
    func next() throws(ReplayError) -> TimedRow?
}
