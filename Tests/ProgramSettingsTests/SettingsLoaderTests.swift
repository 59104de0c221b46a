import ProgramSettings
import Testing

/// Where settings come from, and what is said where they cannot be taken.
struct SettingsLoaderTests {
    private static let secret = "correct-horse-battery"

    private func load(
        _ yaml: String?, set: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) throws(ConfigurationError) -> Settings {
        try SettingsLoader(path: "d.yaml", overrides: set, environment: environment)
            .load(file: yaml.map { Array($0.utf8) })
    }

    private func refusal(_ yaml: String?, set: [(key: String, value: String)] = []) -> String {
        do throws(ConfigurationError) {
            return "accepted: \(try load(yaml, set: set))"
        } catch {
            return error.description
        }
    }

    @Test func flagsWinOverTheEnvironmentAndThatOverTheFile() throws {
        let yaml = "http:\n  port: 1\n  host: a\nscore:\n  batch: 1\n"
        let settings = try load(
            yaml, set: [("http.port", "2"), ("http.port", "3")],
            environment: ["DINGHY_HTTP_PORT": "4", "DINGHY_HTTP_HOST": "b"])
        #expect(settings.port == 3)
        #expect(settings.host == "b")
        #expect(settings.scoreBatch == 1)
    }

    @Test func noFileAndAnEmptyOneLeaveEveryDefault() throws {
        for yaml in [nil, "", "# nothing\n", "http:\ncollect: ~\n", "http:\n  port:\n"] {
            #expect(try load(yaml) == Settings())
        }
    }

    @Test func aKeyMayBeWrittenWithItsSection() throws {
        #expect(try load("http.port: 9000\n").port == 9_000)
        #expect(refusal("http.port: 1\nhttp:\n  port: 2\n") == "d.yaml line 3: http.port: stands twice")
    }

    @Test(arguments: ["roles: [collect, score]\n", "roles: collect, score\n", "roles:\n- collect\n- 'score'\n"])
    func aListIsASequenceOrOneTextWithCommas(yaml: String) throws {
        #expect(try load(yaml).roles == [.collect, .score])
    }

    @Test(arguments: [
        ("http:\n  port: [80]\n", "d.yaml line 2: http.port: is a list, where a single value is meant"),
        ("http:\n  port: {a: 80}\n", "d.yaml line 2: http.port: is no value, but a section"),
        ("roles: [[score]]\n", "d.yaml line 1: roles: holds something that is no text"),
        ("data: a\ndata: b\n", "d.yaml line 1: data stands twice"),
        ("http:\n  [a]: 1\n", "d.yaml line 2: http: holds a key that is no text"),
        ("a: &a {}\nhttp:\n  <<: *a\n", "d.yaml line 1: unknown key 'a'"),
        ("http: &h\n  port: 1\nspool:\n  <<: *h\n", "d.yaml line 4: 'spool.<<': merge keys are not read"),
        ("data: a\n---\ndata: b\n", "d.yaml line 2: is no YAML of one document"),
        ("data: [a\n", "d.yaml line 1: is no YAML of one document"),
        ("- data\n", "d.yaml: holds no keys at its top"),
        ("http:\n\tport: 1\n", "d.yaml line 2: is no YAML of one document"),
        ("data: \u{1}\n", "d.yaml line 1: is no YAML: control characters are not allowed"),
        ("http:\n  port: \"a\\nb\"\n", "d.yaml line 2: http.port: 'a\\u{a}b' is no whole number"),
    ])
    func whatIsRefusedIsRefusedWithItsPlace(yaml: String, message: String) {
        #expect(refusal(yaml).hasPrefix(message), "\(refusal(yaml))")
    }

    @Test func aMarkAtTheBeginningIsNoPartOfAKey() throws {
        #expect(try load("\u{FEFF}data: here\n").data == "here")
    }

    @Test func aFileIsBoundedInBytesAndInWhatItExpandsTo() {
        #expect(refusal(String(repeating: "# long\n", count: 10_000)).hasPrefix("d.yaml: has more than 32768 bytes"))
        let bomb = (1...9).map {
            "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 9).joined(separator: ","))]"
        }
        #expect(
            refusal("a0: &a0 x\n" + bomb.joined(separator: "\n")).hasPrefix("d.yaml: has more than 8 aliases"))
        let properties = (0..<3_000).map { "k\($0): 1" }.joined(separator: ", ")
        #expect(
            refusal("kafka:\n  properties:\n    a: &a {\(properties)}\n    b: *a\n    c: *a\n    d: *a\n").hasPrefix(
                "d.yaml line 3: more than 10000 keys and values"))
        #expect(
            refusal(String(repeating: "[", count: 9_000))
                == "d.yaml: nests brackets deeper than 8: no setting needs that")
        #expect(refusal(String(repeating: "? ", count: 9_000)).hasPrefix("d.yaml: has more than 2 explicit keys"))
        #expect(refusal(String(repeating: "- ", count: 9_000)).contains("Maximum nesting level"))
        #expect(refusal("data: \(String(repeating: "x", count: 100))\nport: 1\n").utf8.count < 200)
    }

    /// Also where the file is no YAML, and where the same text stands at a key that is no secret.
    @Test(arguments: [
        "http:\n  token: \(secret) and more\n",
        "http:\n  token: [\(secret)\n",
        "http:\n  token: {\(secret): \(secret)}\n",
        "http:\n  token: \"\(secret)\n",
        "http:\n  token: &t \(secret)\n  port: *t\n",
        "http:\n  token: &t \(secret)\n  *t : 1\n",
        "*t : 1\nhttp:\n  token: \(secret)\n",
        "collect:\n  write-keys: [short, \(secret)]\n",
        "collect:\n  write-keys: \(secret),short\nroles: [\(secret)]\n",
        "kafka:\n  properties:\n    sasl.password: \(secret)\nlogging:\n  level: \(secret)x\n",
        "kafka:\n  properties:\n    sasl.password: [\(secret)]\n",
        "kafka:\n  properties:\n    \(secret): {\(secret): \(secret)}\nport: \(secret)\n",
        "unknown: &t \(secret)\nhttp:\n  token: *t\n  \(secret): 1\n",
    ])
    func noMessageShowsASecret(yaml: String) {
        let message = refusal(yaml, set: [("http.port", "x")])
        #expect(message.contains("d.yaml") || message.contains("command line"))
        #expect(!message.contains(Self.secret), "\(message)")
    }

    @Test func anAssignmentWithoutItsSignIsNotRepeated() {
        do throws(ConfigurationError) {
            let assignment = try SettingsLoader.assignment("http.token:\(Self.secret)")
            Issue.record("accepted: \(assignment)")
        } catch {
            #expect(error.description == "--set http.token: is no key=value")
        }
    }

    @Test func anOverrideKeepsASecretToo() {
        let message = refusal(nil, set: [("kafka.properties.sasl.password", Self.secret), ("http.port", Self.secret)])
        #expect(message.hasPrefix("command line: http.port: "))
        #expect(!message.contains(Self.secret), "\(message)")
    }
}
