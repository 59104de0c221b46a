import Glibc
import Retraining
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    private func shell(_ script: String, grace: Duration = .seconds(30)) -> ChildProcess {
        ChildProcess(executable: "/bin/sh", arguments: ["-c", script], grace: grace)
    }

    private func run(_ child: ChildProcess) async -> (code: Int32, lines: [String], refusal: String?) {
        let lines = Mutex<[String]>([])
        let refusal = Mutex<String?>(nil)
        let code = await child.run { line in
            lines.withLock { $0.append(line) }
        } failed: { reason in
            refusal.withLock { $0 = reason }
        }
        return (code, lines.withLock { $0 }, refusal.withLock { $0 })
    }

    @Test func itsLinesAndItsExitCodeArrive() async {
        let result = await run(shell("echo one; echo two >&2; echo; printf three; exit 3"))
        #expect(result.code == 3)
        #expect(result.lines == ["one", "two", "three"])
        #expect(result.refusal == nil)
    }

    @Test func aLineWithoutEndIsForwardedInPieces() async {
        let result = await run(shell("head -c 100000 /dev/zero | tr '\\0' x"))
        #expect(result.code == 0)
        #expect(result.lines.joined() == String(repeating: "x", count: 100_000))
        #expect(result.lines.count > 1)
    }

    @Test func itIsNice() async {
        // Goes on until the priority has arrived, which is a matter of microseconds after the start.
        let result = await run(shell("until [ $(nice) = 15 ]; do :; done; echo nice"))
        #expect(result.lines == ["nice"])
    }

    @Test func aSignalThatThisProcessIgnoresReachesIt() async {
        signal(SIGUSR2, SIG_IGN)
        let result = await run(shell("kill -USR2 $$; echo deaf"))
        #expect(result.code == 128 + SIGUSR2)
        #expect(result.lines == [])
    }

    @Test func aProgramThatIsNotThereIsRefused() async {
        let result = await run(ChildProcess(executable: "/nonexistent/dinghy", arguments: []))
        #expect(result.code == 127)
        #expect(result.refusal == "cannot start /nonexistent/dinghy: No such file or directory")
    }

    @Test func cancellationAsksItToEnd() async {
        let (ready, mark) = AsyncStream<String>.makeStream()
        let child = shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.02; done")
        let task = Task {
            await child.run {
                mark.yield($0)
            } failed: { _ in
            }
        }
        var lines = ready.makeAsyncIterator()
        #expect(await lines.next() == "ready")
        task.cancel()
        #expect(await task.value == 7)
        #expect(await lines.next() == "bye")
    }

    @Test func oneThatDoesNotEndIsKilled() async {
        let (ready, mark) = AsyncStream<String>.makeStream()
        let child = shell("trap '' TERM; echo ready; exec sleep 1000", grace: .milliseconds(1))
        let task = Task {
            await child.run {
                mark.yield($0)
            } failed: { _ in
            }
        }
        var lines = ready.makeAsyncIterator()
        #expect(await lines.next() == "ready")
        task.cancel()
        #expect(await task.value == 128 + SIGKILL)
    }
}
