import Foundation
import Testing

/// Models made, measured and explained from files alone: no server, no log.
struct EvaluationTests {
    private struct Report: Decodable {
        struct Row: Decodable {
            struct Captured: Decodable { var value: Double }
            struct Overall: Decodable { var logLoss: Double }
            var name: String
            var overall: Overall
            var captured: Captured?
        }
        var sessions: Int
        var rows: [Row]

        func row(_ name: String) throws -> Row { try #require(rows.first { $0.name == name }) }
    }

    private func report(_ arguments: [String]) async throws -> Report {
        let result = try await Program.run(arguments + ["--json"])
        #expect(result.code == 0, "\(result.error)")
        return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }

    /// The shop's rows as a truth that knows the future: certain of buyers, nearly certain of the others.
    private func hindsight(_ csv: String) -> String {
        let rows = csv.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        var purchases: [Substring: Int] = [:]
        for row in rows where row[2] == "purchase" {
            purchases[row[0]] = min(purchases[row[0]] ?? .max, Int(row[4]) ?? 0)
        }
        var text = "id,posterior\n"
        for (index, row) in rows.enumerated() where (Int(row[4]) ?? 0) < purchases[row[0]] ?? .max {
            text += "\(index + 1),\(purchases[row[0]] == nil ? "0.001" : "9.9e-1")\n"
        }
        return text
    }

    @Test func aModelIsMeasuredBesideTheTruth() async throws {
        let shop = try await SimulatedShop.shared.value
        let directory = try TemporaryDirectory()
        let csv = try String(contentsOfFile: shop.csv, encoding: .utf8)
        let truth = try directory.write(hindsight(csv), to: "truth.csv")
        let report = try await report([
            "evaluate", "intent", shop.csv, "--split", "time", "--model", shop.model, "--truth", truth, "--like-seed",
            "--resamples", "50",
        ])
        #expect(report.rows.map(\.name) == ["model", "constant", "markov", "logistic", "like_seed", "truth"])
        #expect(try report.row("truth").captured?.value == 1)
        #expect(try report.row("truth").overall.logLoss < 0.02)
        #expect(try #require(report.row("model").captured?.value) < 1)
    }

    @Test func aTruthOfAnotherFileIsRefused() async throws {
        let shop = try await SimulatedShop.shared.value
        let directory = try TemporaryDirectory()
        func run(_ text: String) async throws -> Program.Result {
            let truth = try directory.write(text, to: "truth.csv")
            return try await Program.run(["evaluate", "intent", shop.csv, "--model", shop.model, "--truth", truth])
        }
        let short = try await run("id,posterior\n1,0.5\n2,0.5\n")
        #expect(short.code == 1 && short.error.contains("says nothing of row"), "\(short.error)")
        let backwards = try await run("id,posterior\n2,0.5\n1,0.5\n")
        #expect(backwards.code == 1 && backwards.error.contains("line 3"), "\(backwards.error)")
        let noHeader = try await run("1,0.5\n")
        #expect(noHeader.code == 1 && noHeader.error.contains("id,posterior"), "\(noHeader.error)")
        let tooLikely = try await run("id,posterior\n1,1.5\n")
        #expect(tooLikely.code == 1 && tooLikely.error.contains("line 2"), "\(tooLikely.error)")
    }

    @Test func aFileInItsOwnWordsTrainsTheSameModel() async throws {
        let shop = try await SimulatedShop.shared.value
        let directory = try TemporaryDirectory()
        let own = try String(contentsOfFile: shop.csv, encoding: .utf8)
            .replacing("session_id_hash", with: "visit").replacing("product_action", with: "what")
            .replacing(",add,", with: ",basket,")
        let mapped = try directory.write(own, to: "mapped.csv")
        func train(_ file: String, _ more: [String]) async throws -> Data {
            let output = directory.file("trained.model")
            let result = try await Program.run(
                [
                    "train", file, "--output", output, "--epochs", "1", "--resamples", "0", "--set",
                    "retrain.hidden-size=8",
                ] + more)
            #expect(result.code == 0, "\(result.error)")
            return try Data(contentsOf: URL(filePath: output))
        }
        let plain = try await train(shop.csv, [])
        let same = try await train(mapped, ["--map", "session=visit,action=what,add=basket"])
        #expect(plain == same)
        let unmapped = try await Program.run(["train", mapped])
        #expect(unmapped.code == 1 && unmapped.error.contains("--map"), "\(unmapped.error)")
        let wrong = try await Program.run(["train", mapped, "--map", "colour=red"])
        #expect(wrong.code == 64 && wrong.error.contains("colour"), "\(wrong.error)")
    }

    @Test func aScoreIsExplained() async throws {
        struct Explained: Decodable {
            struct Explanation: Decodable {
                struct Event: Decodable { var score: Float }
                var score: Float
                var events: [Event]
                var sentence: String
            }
            var session: String
            var explanation: Explanation
        }
        let shop = try await SimulatedShop.shared.value
        let csv = try String(contentsOfFile: shop.csv, encoding: .utf8)
        let id = try #require(csv.split(separator: "\n").first { $0.contains(",add,") }?.split(separator: ",").first)
        let result = try await Program.run([
            "explain", String(id), "--file", shop.csv, "--model", shop.model, "--json",
        ])
        #expect(result.code == 0, "\(result.error)")
        let explained = try JSONDecoder().decode(Explained.self, from: Data(result.output.utf8))
        #expect(explained.session == "s:\(id)")
        #expect(explained.explanation.events.last?.score == explained.explanation.score)
        #expect(explained.explanation.sentence.hasPrefix("A purchase is "))
        let nobody = try await Program.run(["explain", "s:nobody", "--file", shop.csv, "--model", shop.model])
        #expect(nobody.code == 1 && nobody.error.contains("s:nobody"), "\(nobody.error)")
    }

    @Test func tooLittleHasItsOwnExitCode() async throws {
        let directory = try TemporaryDirectory()
        let shop = try await SimulatedShop.shared.value
        let csv = try String(contentsOfFile: shop.csv, encoding: .utf8)
        let few = try directory.write(
            csv.split(separator: "\n").prefix(100).joined(separator: "\n") + "\n", to: "few.csv")
        for command in [
            ["train", few], ["evaluate", "intent", few], ["evaluate", "intent", few, "--model", shop.model],
        ] {
            let result = try await Program.run(command)
            #expect(result.code == 4 && result.error.contains("at least 200 are needed"), "\(result.error)")
        }
    }
}
