import Foundation
import NIOCore
import NIOPosix
import Testing

/// What goes wrong at a start is said in one sentence that names the thing and the fix.
struct BadInputTests {
    private func expect(
        _ arguments: [String], environment: [String: String] = [:], code: Int32, says words: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let result = try await Program.run(arguments, environment: environment)
        #expect(result.code == code, "\(result.output)\(result.error)", sourceLocation: sourceLocation)
        for word in words {
            #expect(result.error.contains(word), "'\(word)' is not in: \(result.error)", sourceLocation: sourceLocation)
        }
    }

    @Test func aDataDirectoryInUse() async throws {
        let data = try TemporaryDirectory()
        let server = try await RunningServer.start(data: data.path)
        try await expect(
            ["serve", "--data", data.path, "--port", "0"], code: 1, says: ["in use", server.url, "--data"])
        #expect(await server.stop() == 0)
    }

    @Test func aDataDirectoryThatCannotBeMade() async throws {
        let data = try TemporaryDirectory()
        let file = try data.write("", to: "file")
        try await expect(["serve", "--data", file + "/data"], code: 1, says: [file + "/data"])
    }

    @Test func aPortInUse() async throws {
        let data = try TemporaryDirectory()
        let taken = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = taken.localAddress?.port ?? 0
        try await expect(
            ["serve", "--data", data.path, "--port", "\(port)"], code: 1, says: ["port \(port)", "in use", "--port"])
        try await taken.close()
    }

    @Test func aCorruptModelFile() async throws {
        let data = try TemporaryDirectory()
        let file = try data.write("DINGHYMD and nothing else", to: "broken.model")
        try await expect(
            ["models", "import", file, "--data", data.path], code: 1, says: ["broken.model", "cut short"])
    }

    @Test func anUnknownKeyInTheConfiguration() async throws {
        let data = try TemporaryDirectory()
        let file = try data.write("http:\n  prot: 80\n", to: "dinghy.yaml")
        try await expect(["serve", "--config", file], code: 78, says: ["line 2", "http.prot", "unknown key"])
    }

    @Test func aMalformedValueInTheConfiguration() async throws {
        let data = try TemporaryDirectory()
        let file = try data.write("http:\n  port: eighty\n", to: "dinghy.yaml")
        try await expect(["serve", "--config", file], code: 78, says: ["line 2", "http.port", "eighty"])
        try await expect(
            ["status"], environment: ["DINGHY_HTTP_PORT": "x"], code: 78, says: ["DINGHY_HTTP_PORT", "http.port"])
        try await expect(
            ["status"], environment: ["DINGHY_FAULT_POINT": "commit"], code: 78,
            says: ["DINGHY_FAULT_POINT", "'commit'", "commit.before, commit.after"])
    }

    @Test func aScheduleThatIsNone() async throws {
        try await expect(
            ["serve", "--set", "retrain.schedule=61 * * * *"], code: 78, says: ["retrain.schedule", "minute", "61"])
    }

    @Test func noBrokerAtTheAddress() async throws {
        try await expect(
            ["serve", "--set", "log.kind=kafka", "--set", "kafka.brokers=127.0.0.1:1"], code: 1,
            says: ["127.0.0.1:1"])
    }

    @Test func aFileThatIsNoBrowsingCSV() async throws {
        let data = try TemporaryDirectory()
        let file = try data.write("a,b,c\n1,2,3\n", to: "other.csv")
        try await expect(
            ["replay", file, "--data", data.file("data")], code: 1, says: ["other.csv", "session_id_hash"])
        try await expect(
            ["replay", data.file("missing.csv"), "--data", data.file("data")], code: 1, says: ["missing.csv"])
    }

    @Test func noServerWhereOneIsAsked() async throws {
        try await expect(["tail", "--url", "http://127.0.0.1:1"], code: 1, says: ["127.0.0.1:1", "dinghy serve"])
        try await expect(["status", "--url", "http://127.0.0.1:1"], code: 1, says: ["127.0.0.1:1", "dinghy serve"])
    }
}
