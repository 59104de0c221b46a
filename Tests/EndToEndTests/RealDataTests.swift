import Foundation
import Testing

/// Files of real shops, which are not part of this repository: unpacked `.csv` files in `DINGHY_TEST_DATA`, or
/// `.csv.xz` beside the checkout.
@Suite(.serialized)
struct RealDataTests {
    /// The folder that holds them; `nil`: these tests are skipped.
    static let folder: String? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder =
            ProcessInfo.processInfo.environment["DINGHY_TEST_DATA"]
            ?? root.deletingLastPathComponent().appending(path: "shared/data").path()
        let known = ["csv", "csv.xz"].map { folder + "/rees46_201910_slice." + $0 }
        return known.contains { FileManager.default.isReadableFile(atPath: $0) } ? folder : nil
    }()

    private func unpacked(_ name: String, into directory: TemporaryDirectory) async throws -> String {
        let folder = try #require(Self.folder)
        let plain = "\(folder)/\(name).csv"
        if FileManager.default.isReadableFile(atPath: plain) { return plain }
        let target = directory.file(name + ".csv")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["xz", "-dc", "\(folder)/\(name).csv.xz"]
        _ = FileManager.default.createFile(atPath: target, contents: nil)
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: target))
        let ending = Ending()
        process.terminationHandler = { _ in ending.finish() }
        try process.run()
        await ending.wait()
        try #require(process.terminationStatus == 0)
        return target
    }

    private func replay(_ files: [String], into data: TemporaryDirectory) async throws -> Status {
        let server = try await RunningServer.start(data: data.path)
        for file in files {
            let result = try await Program.run(["replay", file, "--url", server.url])
            #expect(result.code == 0, "\(result.error)")
        }
        let status = try await server.settled()
        #expect(await server.stop() == 0)
        return status
    }

    @Test(.enabled(if: folder != nil, "no real data: set DINGHY_TEST_DATA"))
    func rees46() async throws {
        let data = try await SimulatedShop.dataDirectory()
        let file = try await unpacked("rees46_201910_slice", into: data)
        let status = try await replay([file, file], into: data)
        // One record more: the replay's end mark.
        #expect(status.stored == 17_434 + 1)
        #expect(status.rejected == 0)
        #expect(status.sessions("closed") == 5_067)
        #expect(status.sessions("with_add") == 118)
        #expect(status.sessions("purchased") == 200)
        #expect(status.account("scored") == 16_974)
        #expect(status.account("after_purchase") == 460)
        #expect(status.account("control") == 1)
        #expect(status.balanced)
        let audit = try await Program.run(["audit", "--data", data.path])
        #expect(audit.code == 0, "\(audit.output)")
    }

    @Test(.enabled(if: folder != nil, "no real data: set DINGHY_TEST_DATA"))
    func serenade() async throws {
        let data = try TemporaryDirectory()
        var files: [String] = []
        for part in ["train", "valid", "test"] {
            files.append(try await unpacked("serenade_bol_\(part)", into: data))
        }
        let status = try await replay(files, into: data)
        #expect(status.stored == 116_285 + 3)
        #expect(status.sessions("closed") == 24_667)
        #expect(status.balanced)
    }

    @Test(.enabled(if: folder != nil, "no real data: set DINGHY_TEST_DATA"))
    func otto() async throws {
        let data = try TemporaryDirectory()
        let status = try await replay([try await unpacked("otto_official_sample", into: data)], into: data)
        #expect(status.stored == 862 + 1)
        #expect(status.sessions("closed") == 144)
        #expect(status.balanced)
    }
}
