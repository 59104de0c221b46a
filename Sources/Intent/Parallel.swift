import Dispatch
import Synchronization

/// Work in parts that know nothing of each other: what comes of it does not depend on the number of threads.
enum Parallel {
    /// Runs `body` for every part, the first ones first, on at most so many threads; returns when all are done.
    ///
    /// - Parameter body: gets a part, and which of the threads it is on; must not touch what another part or thread does.
    static func perform(_ parts: Int, threads: Int, _ body: (_ part: Int, _ thread: Int) -> Void) {
        let threads = min(threads, parts)
        if threads < 2 {
            for part in 0..<parts { body(part, 0) }
            return
        }
        let next = Atomic(0)
        withoutActuallyEscaping(body) { body in
            // No two threads get the same part, `body` must share nothing between parts, and all ends before it does.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                while true {
                    let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard part < parts else { return }
                    body(part, thread)
                }
            }
        }
    }
}
