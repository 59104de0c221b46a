// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let lifecycleTesting = Target.Dependency.product(
    name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let metricsTesting = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let asyncAlgorithms = Target.Dependency.product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func room(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

// A target imports only targets above it on this list.
let package = Package(
    name: "dinghy",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "dinghy", targets: ["dinghy"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-async-algorithms.git", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // Pure rooms: no IO, no clock, no randomness that was not handed in.
        room("Events", []),
        room("Sessions", ["Events"]),
        .target(name: "CGRU"),
        room("Intent", ["Events", "Sessions", "CGRU"]),
        room("Simulation", ["Events"]),

        // The log.
        room("EventLog", path: "Sources/EventLog/Contract", ["Events"]),
        room("LogDirectory", path: "Sources/EventLog/Directory", ["EventLog"]),
        room(
            "EmbeddedLog", path: "Sources/EventLog/Embedded",
            ["Events", "EventLog", "LogDirectory", deque, grdb, grdbSQLite, logging, metrics]),
        .systemLibrary(name: "CRDKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        room("KafkaLog", path: "Sources/EventLog/Kafka", ["EventLog", "CRDKafka", deque, logging, metrics]),

        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        room(
            "SpooledLog", path: "Sources/EventLog/Spool",
            ["Events", "EventLog", "LogDirectory", "CZlib", deque, logging, metrics]),

        // The other rooms that do IO.
        room("Edge", [hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1, deque, logging, metrics]),
        room("Models", ["Events", "Intent", "EventLog", logging, metrics]),
        room(
            "Collector",
            [
                "Events", "EventLog", "Edge", "CZlib", hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1,
                logging, metrics,
            ]),
        room("Scoring", ["Events", "Sessions", "Intent", "EventLog", "Models", lifecycle, logging, metrics]),
        room("Replay", ["Events", "EventLog", httpClient, nioCore, nioHTTP1, heap, system, logging]),
        room("Retraining", ["Events", "Sessions", "Intent", "EventLog", "Models", lifecycle, logging, metrics]),
        room(
            "Console",
            [
                "Events", "Sessions", "EventLog", "SpooledLog", "Models", "Scoring", "Retraining", hummingbird,
                httpTypes, lifecycle, nioCore, deque, logging, metrics, coreMetrics,
            ]),
        room("ProgramSettings", ["EventLog", "Edge", "Collector", logging, system, yams]),
        .executableTarget(
            name: "dinghy",
            dependencies: [
                "Events", "Sessions", "Intent", "Simulation", "EventLog", "EmbeddedLog", "KafkaLog", "SpooledLog",
                "Models", "Edge", "Collector", "Scoring", "Replay", "Retraining", "Console", "ProgramSettings",
                hummingbird, httpClient, lifecycle,
                unixSignals, argumentParser, logging, metrics, coreMetrics, nioCore, nioHTTP1, nioPosix, system,
            ],
            swiftSettings: settings),

        tests("EventsTests", ["Events"]),
        tests("SessionsTests", ["Events", "Sessions"]),
        tests("IntentTests", ["Events", "Sessions", "Intent", "Simulation"]),
        tests("SimulationTests", ["Events", "Simulation"]),
        .target(
            name: "LogContract", dependencies: ["Events", "EventLog"], path: "Tests/Contract",
            swiftSettings: settings),
        .target(
            name: "ModelContract", dependencies: ["EventLog", "Intent", "Models"], path: "Tests/ModelContract",
            swiftSettings: settings),
        room("ChaosChecks", path: "tools/programs/ChaosChecks", ["EventLog"]),
        room(
            "KafkaRig", path: "tools/programs/KafkaRig", ["CRDKafka", "EventLog", httpClient, nioCore, nioFoundation]),
        .target(name: "BenchKit", path: "tools/programs/BenchKit", swiftSettings: settings),
        .executableTarget(
            name: "EmbeddedBench",
            dependencies: [
                "BenchKit", "Events", "Sessions", "Intent", "Simulation", "EventLog", "EmbeddedLog", "Models",
                "Scoring",
                "Replay", "KafkaRig", argumentParser, httpClient, grdbSQLite, lifecycle, logging, nioCore, nioHTTP1,
            ],
            path: "tools/programs/EmbeddedBench", swiftSettings: settings),
        .executableTarget(
            name: "TrainBench", dependencies: ["BenchKit", "Events", "Sessions", "Intent", "Simulation"],
            path: "tools/programs/TrainBench", swiftSettings: settings),
        .executableTarget(
            name: "Chaos",
            dependencies: [
                "ChaosChecks", "KafkaRig", "EmbeddedLog", "EventLog", "Events", argumentParser, httpClient, logging,
                nioCore, nioHTTP1,
            ],
            path: "tools/programs/Chaos", swiftSettings: settings),
        .executableTarget(
            name: "KafkaBench", dependencies: ["KafkaRig", "EventLog", argumentParser, httpClient, nioCore, nioHTTP1],
            path: "tools/programs/KafkaBench", swiftSettings: settings),
        .executableTarget(
            name: "LoadBench",
            dependencies: ["KafkaRig", argumentParser, httpClient, nioCore, nioFoundation, nioHTTP1, nioPosix],
            path: "tools/programs/LoadBench", swiftSettings: settings),
        tests("ChaosTests", ["Chaos", "ChaosChecks", "KafkaBench", "KafkaRig", "EventLog"]),
        room(
            "VirtualShop", path: "tools/programs/VirtualShop",
            [
                "Events", "Sessions", "Intent", "EventLog", "EmbeddedLog", "Collector", "Scoring", lifecycle,
                lifecycleTesting, logging,
            ]),
        .executableTarget(
            name: "Simulate", dependencies: ["VirtualShop", argumentParser], path: "tools/programs/Simulate",
            swiftSettings: settings),
        tests("VirtualShopTests", ["VirtualShop"]),
        room(
            "Fuzzing", path: "tools/programs/Fuzzing",
            [
                "Events", "Sessions", "Intent", "EventLog", "SpooledLog", "CZlib", "Collector", "Console", "Retraining",
                "ProgramSettings", yams,
            ]),
        .executableTarget(
            name: "Fuzz", dependencies: ["Fuzzing", argumentParser], path: "tools/programs/Fuzz",
            swiftSettings: settings),
        tests("FuzzingTests", ["Fuzzing"]),
        tests("ProgramSettingsTests", ["ProgramSettings"]),
        .executableTarget(
            name: "LogBench", dependencies: ["BenchKit", "EmbeddedLog", "EventLog", "Events", logging],
            path: "tools/programs/LogBench", swiftSettings: settings),
        .executableTarget(
            name: "LogProcess", dependencies: ["EmbeddedLog", "SpooledLog", "EventLog", "Events", logging],
            path: "Tests/LogProcess", swiftSettings: settings),
        tests("EmbeddedLogTests", ["EventLog", "EmbeddedLog", "LogContract", "Events", grdb, logging]),
        tests(
            "SpooledLogTests",
            ["EventLog", "SpooledLog", "EmbeddedLog", "LogContract", "Events", logging]),
        tests(
            "KafkaLogTests",
            [
                "EventLog", "KafkaLog", "CRDKafka", "LogContract", "Models", "ModelContract", "Events", "Intent",
                "Sessions", "Scoring", "KafkaRig", logging,
            ]),
        tests("ModelsTests", ["Models", "ModelContract", "EventLog", "Intent", "Events", "Sessions", logging]),
        tests(
            "EdgeTests",
            ["Edge", hummingbird, lifecycle, httpTypes, httpClient, nioCore, nioHTTP1, nioPosix, logging]),
        tests(
            "CollectorTests",
            [
                "Collector", "Edge", "EventLog", "EmbeddedLog", "SpooledLog", "Events", "CZlib", hummingbird,
                hummingbirdTesting,
                httpTypes, lifecycle, nioCore, nioPosix, logging, coreMetrics, metricsTesting,
            ]),
        tests(
            "ScoringTests",
            ["Scoring", "EventLog", "EmbeddedLog", "Events", "Sessions", "Intent", "Models", lifecycle, logging]),
        tests(
            "ReplayTests",
            [
                "Replay", "Collector", "Edge", "EventLog", "EmbeddedLog", "Events", "Sessions", hummingbird,
                hummingbirdTesting,
                httpClient, nioCore, nioPosix, nioHTTP1, system, logging,
            ]),
        tests(
            "RetrainingTests",
            [
                "Retraining", "EventLog", "EmbeddedLog", "Events", "Sessions", "Intent", "Models", "ModelContract",
                lifecycle, logging,
            ]),
        tests(
            "ConsoleTests",
            [
                "Console", "Scoring", "EventLog", "EmbeddedLog", "Events", "Sessions", hummingbird, hummingbirdTesting,
                httpClient, logging, coreMetrics, nioCore, nioHTTP1,
            ]),
        tests(
            "EndToEndTests",
            [
                "dinghy", "EventLog", "EmbeddedLog", "Events", "KafkaRig", "LogContract", httpClient, nioCore, nioHTTP1,
                nioPosix,
            ]),
    ]
)
