import Events
import Foundation

/// A reader of bytes that come from outside or from disk.
public enum FuzzTarget: String, Sendable, CaseIterable {
    /// Request bodies.
    case json
    /// The pixel's query string.
    case query
    /// Files that are replayed.
    case csv
    case gzip
    case model
    /// `Last-Event-ID`.
    case sse
    /// Records of the log.
    case record
    /// Committed positions, and the fold that begins at one.
    case position
    /// Segments of the spool.
    case spool
    /// A YAML file, `--set` and the environment.
    case config

    /// Reads an input and says what is wrong with what became of it; `nil`: nothing.
    public func problem(_ input: [UInt8]) -> String? {
        switch self {
        case .json: TextTargets.json(input)
        case .query: TextTargets.query(input)
        case .csv: TextTargets.csv(input)
        case .record: TextTargets.record(input)
        case .gzip: FileTargets.gzip(input)
        case .model: FileTargets.model(input)
        case .sse: FileTargets.sse(input)
        case .position: FileTargets.position(input)
        case .spool: FileTargets.spool(input)
        case .config: ConfigTarget.config(input)
        }
    }

    /// What means something in its language.
    var words: [[UInt8]] {
        let texts: [String] =
            switch self {
            case .json, .record:
                [
                    "{", "}", "[", "]", ":", ",", "\"", "\\", #"\u00e9"#, #"\uD83D\uDE00"#, #"\uD83D"#, #"\u0000"#,
                    "null",
                    "true", "false", "\n", "\r\n", "{}", "[]", #","type":"add""#, #""session":"S","#, #""events":["#,
                    #","sentAt":1"#, #","timestamp":1"#, #","id":"x""#, "é", "😀", "\u{FEFF}", #","pr1id":"A""#,
                    #","t":"event""#, #","pa":"add""#, #"{"control":"tick"}"#, #","timeline":"r""#, "[[[[[[[[[[[[[[[[[",
                ]
            case .query:
                [
                    "&", "=", "%", "+", "%00", "%FF", "%C3%A9", "%u00e9", "&type=add", "&pr3id=C", "&pr200id=C", "&z=1",
                    "&qt=1e300", "&price=1e400", "&pa=purchase", "&t=event", "&ea=click", "&tm=1", ";", "#",
                ]
            case .csv:
                [",", "\"", "\"\"", "\n", "\r\n", "\r", "detail", "purchase", "event_product", "\u{FEFF}", ",,,,"]
            case .sse: ["1:", "/", ",", "0", "0/0", "-", "+", " ", "١"]
            case .position:
                ["{", "}", "\"", ":", ",", "[", "]", "\"muted\":\"\"", "\"timelines\":[]", "live", "=", "A"]
            case .config:
                [
                    "&a ", "*a", "*token", "<<: *http\n", "\t", " ", "\n", "\r\n", "\n  ", "\n    ", ": ", "- ", "? ",
                    "|\n", ">-\n",
                    "|9\n", "---\n", "...\n", "%YAML 1.2\n---\n", "!!binary ", "!!int ", "!<x> ", "# ", "\"", "'", "[",
                    "]", "{", "}",
                    ", ", "@", "`", "~", "null", "true", "false", "yes", ".inf", "0x10", "0o7", "1_000", "1e9", "\0",
                    "\u{FEFF}", "\u{85}",
                    "\u{2028}", "é", "😀", #""\x00""#, #""\uD83D""#, #""\U0010FFFF""#, "[[[[[[[[[[[[[[[[",
                    "{a: {a: {a: {a: ", "- - - - - - - ",
                    "\nhttp:\n", "\nhttp.port: 1\n", "\n  port: ", "\n  token: hidden-Secret_0123456789\n",
                    "hidden-Secret_0123456789",
                    "\ncollect:\n", "\n  write-keys: ", "\nkafka:\n  properties:\n", "\nkafka.properties.x: ",
                    "\nretrain.schedule: ",
                    "\nunknown: ", "#--set ", "#--set http.port=", "#--set http.token=", "#env DINGHY_",
                    "#env DINGHY_HTTP_PORT=",
                    "#env DINGHY_FAULT_POINT=commit.before:", "\nroles: collect,score\n", "*/5 * * * *", "@daily",
                ]
            case .gzip, .model, .spool: []
            }
        return texts.map { Array($0.utf8) }
    }
}

/// The inputs of one target: what number `n` of a seed is never changes while the corpus stays.
public struct FuzzInputs: Sendable {
    private let mutator: Mutator
    private let seed: UInt64
    public let target: FuzzTarget

    /// - Parameter corpus: the folder with a folder for every target.
    public init(_ target: FuzzTarget, corpus: String, seed: UInt64) {
        self.target = target
        self.seed = seed
        mutator = Mutator(seeds: Corpus.files(target, in: corpus) + Corpus.made(target), words: target.words)
    }

    /// The corpus as it is.
    public var seeds: [[UInt8]] { mutator.seeds }

    public func input(_ number: Int) -> [UInt8] {
        var random = FuzzRandom(seed: seed, number: number)
        return target.finish(mutator.input(&random), &random)
    }

    /// The first problem within a range of numbers.
    ///
    /// - Parameter starting: told of a number before its input is read.
    public func firstProblem(in numbers: Range<Int>, starting: (Int) -> Void = { _ in }) -> (
        number: Int, problem: String
    )? {
        for number in numbers {
            starting(number)
            let input = input(number)
            let started = ContinuousClock.now
            let problem = target.problem(input)
            if let problem { return (number, problem) }
            let took = ContinuousClock.now - started
            // Far beyond what any of them takes, and far from a busy machine's pauses.
            if took > .seconds(5) { return (number, "took \(took) for \(input.count) bytes") }
        }
        return nil
    }
}
