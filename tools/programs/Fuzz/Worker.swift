import Foundation
import Fuzzing

/// The process that reads the inputs. Before each it writes its number into a file that is mapped into memory, where it
/// stands even after a crash.
struct Worker {
    let note: String

    /// More than all targets need; a reader that asks for more ends here.
    private static let memoryBytes: rlim_t = 3 << 30

    func run(_ inputs: FuzzInputs, _ numbers: Range<Int>) throws {
        var limit = rlimit(rlim_cur: Self.memoryBytes, rlim_max: Self.memoryBytes)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        limit = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        let file = open(note, O_RDWR)
        guard file >= 0,
            let memory = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), memory != MAP_FAILED
        else { throw CocoaError(.fileReadUnknown) }
        let number = memory.assumingMemoryBound(to: Int.self)
        if let (found, problem) = inputs.firstProblem(
            in: numbers,
            starting: { next in
                number.pointee = next
                // Whoever started it is gone: nobody would hear of what it finds.
                if next & 0x3ff == 0, getppid() == 1 { exit(4) }
            })
        {
            number.pointee = found
            print(problem)
            exit(3)
        }
    }
}
