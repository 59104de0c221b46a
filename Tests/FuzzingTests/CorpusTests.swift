import Fuzzing
import Testing

/// A few thousand spoilt inputs for every reader; `tools/fuzz` reads millions. A failure is looked at with
/// `tools/fuzz --target TARGET --seed SEED --show NUMBER`.
struct CorpusTests {
    private static let corpus = #filePath.replacing("FuzzingTests/CorpusTests.swift", with: "Corpus")
    private static let seeds: [UInt64] = [101, 102]

    @Test(arguments: FuzzTarget.allCases) func whatBrokeAReaderOnceBreaksNoneAgain(target: FuzzTarget) {
        let seeds = FuzzInputs(target, corpus: Self.corpus, seed: 0).seeds
        #expect(!seeds.isEmpty)
        for (number, input) in seeds.enumerated() {
            #expect(target.problem(input) == nil, "\(target.rawValue), corpus file \(number)")
        }
    }

    @Test(arguments: FuzzTarget.allCases, Self.seeds) func spoiltInputsBreakNoReader(target: FuzzTarget, seed: UInt64) {
        let found = FuzzInputs(target, corpus: Self.corpus, seed: seed).firstProblem(in: 0..<2_000)
        #expect(found == nil, "\(target.rawValue), seed \(seed)")
    }

    /// An input that is found must be found again.
    @Test func aNumberNamesOneInput() {
        for target in FuzzTarget.allCases {
            let inputs = FuzzInputs(target, corpus: Self.corpus, seed: 5)
            #expect((0..<50).map { inputs.input($0) } == (0..<50).map { inputs.input($0) })
            #expect(Set((0..<50).map { inputs.input($0) }).count > 20, "\(target.rawValue)")
        }
    }
}
