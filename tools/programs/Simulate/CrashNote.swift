import Foundation

/// Says which seeds were running when the process crashes: a trap in the product is a finding too.
enum CrashNote {
    /// By thread. Unsafe, because a signal handler may neither lock nor allocate: each place is written by one thread,
    /// and read when nothing runs any more.
    nonisolated(unsafe) private static var seeds: UnsafeMutablePointer<UInt64>?
    nonisolated(unsafe) private static var count = 0

    static func install(threads: Int) {
        let places = UnsafeMutablePointer<UInt64>.allocate(capacity: threads)
        places.initialize(repeating: 0, count: threads)
        seeds = places
        count = threads
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGBUS, SIGFPE] {
            signal(number) { number in
                CrashNote.say()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    static func note(_ seed: UInt64, thread: Int) { seeds?[thread] = seed }

    /// Digits by hand: nothing here may allocate.
    private static func say() {
        for index in 0..<count {
            write("\ncrashed; one of the running seeds: tools/simulate --trace --seed ")
            var rest = seeds?[index] ?? 0
            var power: UInt64 = 1
            while rest / power >= 10 { power *= 10 }
            while power > 0 {
                var digit = UInt8(ascii: "0") + UInt8(rest / power)
                Foundation.write(2, &digit, 1)
                rest %= power
                power /= 10
            }
        }
        write("\n")
    }

    private static func write(_ text: StaticString) { Foundation.write(2, text.utf8Start, text.utf8CodeUnitCount) }
}

/// Off the cooperative threads: a simulation runs tasks itself.
func onThreadOfItsOwn<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
    let box = Box<Result>()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
        box.value = body()
        done.signal()
    }
    thread.stackSize = 8 << 20
    thread.start()
    done.wait()
    guard let value = box.value else { preconditionFailure("onThreadOfItsOwn: no result") }
    return value
}

/// Unchecked: written before the semaphore is signalled, read after it.
private final class Box<Value>: @unchecked Sendable {
    var value: Value?
}
