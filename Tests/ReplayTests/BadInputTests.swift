import Events
import Foundation
import Logging
import Replay
import Testing

struct BadInputTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func replay(_ path: String, into sink: MemorySink = MemorySink()) async throws -> ReplayResult {
        let options = ReplayOptions(name: "test", temporaryDirectory: directory.path)
        return try await Replayer(options: options, sink: sink, logger: .silent, clock: SleepClock().clock)
            .run(.file(path))
    }

    private func refusal(_ path: String) async -> String {
        do {
            let result = try await replay(path)
            return "no refusal: \(result)"
        } catch { return "\(error)" }
    }

    @Test func aFileThatIsNotThereIsNamed() async {
        #expect(await refusal("/nowhere/x.csv") == "cannot read /nowhere/x.csv: No such file or directory")
    }

    @Test func aDirectoryIsNoFile() async {
        #expect(await refusal(directory.path) == "cannot read \(directory.path): Is a directory")
    }

    @Test(arguments: ["", "\n\r\n\n"])
    func anEmptyFileIsToldWhatIsWanted(text: String) async throws {
        let path = try directory.write(text)
        #expect(await refusal(path) == "\(path) is empty; a CSV with a header line is wanted: \(SampleFile.header)")
    }

    @Test func aHeaderAloneIsAReplayOfNothing() async throws {
        for text in [SampleFile.header, SampleFile.header + "\r\n"] {
            let sink = MemorySink()
            let result = try await replay(try directory.write(text), into: sink)
            #expect(result.counts == ReplayCounts())
            #expect(result.span == nil && !result.ended && sink.ended == 0)
        }
    }

    @Test func aMissingHeaderNamesTheColumns() async throws {
        let path = try directory.write("abc,pageview,,,1570000000000,\nabc,pageview,,,1570000000001,\n")
        let text = await refusal(path)
        #expect(text.hasPrefix("\(path) is no browsing CSV: "))
        #expect(text.contains("is the first line a header at all?"))
        #expect(text.hasSuffix("its columns are \(SampleFile.header)"))
    }

    @Test func aHeaderBeyondTheBoundNamesIt() async throws {
        let path = try directory.write("\"" + String(repeating: "x", count: 100_000))
        #expect(await refusal(path).contains("no browsing CSV: a record of more than 16384 bytes"))
    }

    @Test(
        arguments: [
            ([0x1F, 0x8B, 8, 0], "gzip"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
            ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
        ] as [([UInt8], String)])
    func aCompressedFileIsToldHowToBeReadFrom(magic: [UInt8], program: String) async throws {
        let path = try directory.write(Data(magic + [1, 2, 3]), as: "x.csv")
        #expect(
            await refusal(path)
                == "cannot read \(path): it is compressed: unpack it on the way in "
                + "(\(program) -dc FILE | dinghy replay -)")
    }

    @Test func aTemporaryDirectoryThatIsNotThereIsNamed() async throws {
        var file = SampleFile.random(seed: 1, count: 30_000, broken: false)
        file.addEvent(at: 0)
        let path = try directory.write(file.text)
        let options = ReplayOptions(name: "test", memory_bytes: 1 << 20, temporaryDirectory: "/nowhere")
        let sink = MemorySink()
        let error = await #expect(throws: ReplayError.self) {
            _ = try await Replayer(options: options, sink: sink, logger: .silent).run(.file(path))
        }
        #expect(
            error?.description.hasPrefix("cannot keep rows for sorting in /nowhere: No such file or directory") ?? false
        )
        #expect(sink.rows.isEmpty)
    }

    @Test func shuffledColumnsCRLFQuotesAndAByteOrderMarkChangeNothing() async throws {
        let lines = [
            "\u{FEFF}hashed_url,more,\"server_timestamp_epoch_ms\",product_sku_hash,event_type,product_action,session_id_hash",
            "\"u,\"\"1\"\"\",\"line\r\nbreak\",1570000000002,p1,pageview,detail,a",
            "", "u2,,\"1570000000001\",,\"pageview\",,b",
        ]
        let sink = MemorySink()
        let result = try await replay(try directory.write(lines.joined(separator: "\r\n")), into: sink)
        #expect(result.counts == ReplayCounts(stored: 2))
        #expect(
            sink.events == [
                Event(id: "test/5", session: "b", kind: .pageview, timestamp: 1_570_000_000_001, url: "u2"),
                Event(
                    id: "test/2", session: "a", kind: .detail, timestamp: 1_570_000_000_002, sku: "p1",
                    url: "u,\"1\""),
            ])
    }

    /// Each among good rows, which must all be stored.
    @Test(arguments: [
        "a,event_product,detail,p1,,u", "a,event_product,detail,p1,yesterday,u", "a,event_product,detail,p1,-1,u",
        "a,event_product,detail,p1,1570000000,u", "a,event_product,detail,p1,1570000000000000,u",
        "a,event_product,detail,p1,99999999999999999999999,u", ",event_product,detail,p1,1570000000001,u",
        "a,other,detail,p1,1570000000001,u", "a,event_product,buy,p1,1570000000001,u",
        "a,event_product,detail,p1,1570000000001", "a,event_product,detail,p1,1570000000001,u,v",
        "a,event_product,detail,\"p1\"x,1570000000001,u", ",,,,,", ",", "\u{0}",
        "a\u{1},event_product,detail,p,1570000000001,u",
        "a,event_product,detail,\(String(repeating: "p", count: 300)),1570000000001,u",
        "a,event_product,detail,p,1570000000001,\(String(repeating: "u", count: 3_000))",
        String(repeating: "x", count: 1_000_000),
    ])
    func aBrokenRowIsRejectedAndNothingElse(row: String) async throws {
        let good = ["a,event_product,detail,p1,1570000000000,u", "a,event_product,add,p1,1570000000002,u"]
        let sink = MemorySink()
        let result = try await replay(
            try directory.write(([SampleFile.header, good[0], row, good[1]]).joined(separator: "\n")), into: sink)
        #expect(result.counts == ReplayCounts(stored: 2, rejected: 1))
        #expect(result.problems.map(\.line) == [3])
        #expect(sink.rejectedLines == [3])
        #expect(sink.events.map(\.kind) == [.detail, .add])
    }

    @Test func bytesThatAreNoTextAreRejected() async throws {
        let bytes =
            Array("\(SampleFile.header)\na,event_product,detail,".utf8) + [0xFF, 0xC0, 0x80]
            + Array(",1570000000001,u\na,event_product,add,p,1570000000002,u".utf8)
        let result = try await replay(try directory.write(Data(bytes), as: "x.csv"))
        #expect(result.counts == ReplayCounts(stored: 1, rejected: 1))
    }

    @Test func aQuoteThatNeverClosesCostsItsLineAndIsSaid() async throws {
        let text =
            SampleFile.header + "\na,pageview,,,1570000000001,u\nb,pageview,,,1570000000002,\"u\n"
            + "c,pageview,,,1570000000003,u\n"
        let result = try await replay(try directory.write(text))
        #expect(result.counts == ReplayCounts(stored: 2, rejected: 1))
        #expect(result.problems == [RowProblem(line: 3, reason: "a quote is never closed")])
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func anyBytesBelowAHeaderAreAccountedForTwiceTheSame(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        var bytes = Array(SampleFile.random(seed: seed, count: 60).text.utf8)
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let place = Int.random(in: SampleFile.header.utf8.count + 1..<bytes.count, using: &random)
            bytes[place] =
                [10, 13, 34, 44, 0, 255, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
        }
        let path = try directory.write(Data(bytes), as: "x.csv")
        let (one, two) = (MemorySink(), MemorySink(rows: 3))
        let first = try await replay(path, into: one)
        let second = try await replay(path, into: two)
        #expect(first.counts.rows == one.rows.count)
        #expect(one.rows == two.rows)
        #expect(first == second)
        #expect(try await replay(path, into: one).counts == ReplayCounts(duplicates: one.rows.count))
    }

    @Test func aFileThatIsWrittenToMeanwhileIsNoticed() async throws {
        let text = SampleFile.random(seed: 1, count: 5_000, broken: false, sorted: true).text
        let path = try directory.write(text)
        let options = ReplayOptions(name: "test", temporaryDirectory: directory.path)
        let replayer = Replayer(options: options, sink: MemorySink(), logger: .silent)
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        await #expect(throws: ReplayError.changed(file: path)) {
            _ = try await replayer.run(.file(path)) { progress in
                // The first reading is at its end: the next one is the second.
                guard progress.phase == .reading, progress.done == Int64(text.utf8.count) else { return }
                try? file.seek(toOffset: UInt64(text.utf8.count - 3))
                try? file.write(contentsOf: Data("9".utf8))
            }
        }
    }

    @Test func aPipeIsReadToItsEndAndHasTheNameOfItsContent() async throws {
        let text = SampleFile.random(seed: 8, count: 20_000).text
        let pipe = directory.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        let writing = Task.detached { try Data(text.utf8).write(to: URL(filePath: pipe), options: []) }
        let options = ReplayOptions(memory_bytes: 1 << 20, temporaryDirectory: directory.path)
        let (piped, read) = (MemorySink(rows: 500), MemorySink(rows: 500))
        let clock = SleepClock().clock
        let result = try await Replayer(options: options, sink: piped, logger: .silent, clock: clock)
            .run(.file(pipe))
        try await writing.value
        let path = try directory.write(text)
        let expected = try await Replayer(options: options, sink: read, logger: .silent, clock: clock).run(.file(path))
        #expect(result == expected)
        #expect(piped.rows == read.rows)
        #expect(result.spilled_bytes > 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["events.csv", "pipe"])
    }
}
