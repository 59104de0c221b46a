import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Ctrl-C as a wish to come to an end. As long as it is watched, the first one (or a SIGTERM) is remembered; a second one
/// ends the program at once, as it does where nobody watches.
final class Interruption: Sendable {
    private static let signals = [SIGINT, SIGTERM]
    private let asked = Atomic(false)

    var isAsked: Bool { asked.load(ordering: .relaxed) }

    /// Runs `body`, which asks now and then whether it should end.
    static func watched<Value, Failure: Error>(_ body: (Interruption) throws(Failure) -> Value) throws(Failure) -> Value
    {
        let interruption = Interruption()
        let sources = signals.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                interruption.asked.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in signals { signal(number, SIG_DFL) }
        }
        return try body(interruption)
    }
}
