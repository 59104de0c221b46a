import Foundation

/// The events of all figures: about 130 bytes on the log.
enum Events {
    static func json(_ id: Int, session: String) -> String {
        #"{"id":"e\#(id)","session":"\#(session)","type":"detail","sku":"p\#(id % 500)","timestamp":\#(now)}"#
    }

    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
