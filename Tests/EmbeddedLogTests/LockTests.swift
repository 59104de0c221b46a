import EmbeddedLog
import EventLog
import Foundation
import Testing

/// A process that is refused a directory touches nothing of anybody's.
struct LockTests {
    @Test func aRefusalClosesNoFileTwice() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        try data.announce(url: "http://127.0.0.1:7777")
        let path = directory.path + "/bystander"
        // A descriptor that is closed twice is by then the one of whoever opened a file in between.
        let refusals = Task.detached {
            for _ in 0..<3_000 {
                await #expect(throws: EventLogError.self) { try await directory.open() }
            }
        }
        let ended = Task.detached { await refusals.value }
        var harmed = 0
        for _ in 0..<60_000 {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            try #require(descriptor >= 0)
            _ = pwrite(descriptor, "x", 1, 0)
            var facts = stat()
            if fstat(descriptor, &facts) != 0 || facts.st_size != 1 { harmed += 1 }
            if close(descriptor) != 0 { harmed += 1 }
        }
        await ended.value
        #expect(harmed == 0)
        #expect(DataDirectory.servingURL(directory.path) == "http://127.0.0.1:7777")
        await data.close()
    }
}
