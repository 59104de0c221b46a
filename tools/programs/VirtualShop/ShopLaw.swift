import EmbeddedLog
import EventLog
import Scoring
import Sessions

/// What one seed's shop is like and what happens to it. Drawn anew for every seed, so that rare things are common in
/// some runs.
struct ShopLaw: Sendable {
    var partitions: Int
    var log = LogLaw()
    var scoring = ScoringService.Settings()
    var clients: Int
    var visitsPerClient: Int
    var scorers: Int
    /// One in so many things that a client does; 0: never.
    var givesUpAfter: Int
    var resendsOneIn: Int
    var sharesOneIn: Int
    var sleepsOneIn: Int
    /// Milliseconds of virtual time between two misfortunes.
    var calm_ms: Int
    var kills: Bool
    var clockJumps: Bool
    var rebalances: Bool
    var replays: Bool
    var startsWithModel: Bool
    var shutdowns: Bool

    init(_ random: inout Chance) {
        log.isKafka = random.once(in: 3)
        partitions = random.within(1...3)
        scorers = log.isKafka ? random.within(1...3) : 1
        clients = random.within(1...6)
        visitsPerClient = random.within(1...4)
        log.failsOneIn = random.one(of: [0, 0, 5, 20])
        log.slowest_ms = random.one(of: [1, 20, 500])
        log.waitingRecords = random.one(of: [4, 20, 1_000])
        log.transactionRecords = random.one(of: [3, 40])
        log.limits.identities = random.one(of: [12, 100_000, 100_000])
        log.limits.identityAge = .seconds(random.one(of: [600, 24 * 3_600]))
        scoring.batch = random.one(of: [1, 7, 50])
        scoring.commitInterval = random.one(of: [.zero, .milliseconds(50), .seconds(2)])
        scoring.idleWait = .seconds(1)
        scoring.commitRetryDelay = .milliseconds(200)
        scoring.shelfLifetime = .seconds(random.one(of: [1, 60]))
        scoring.maxRejoins = 20
        scoring.rejoinDelay = .milliseconds(100)
        // A minute stands for the half hour, so that nights are short.
        scoring.parameters = FoldParameters(
            idleGap_ms: 60_000, maxRecords: random.one(of: [6, 30]),
            maxDuration_ms: random.one(of: [90_000, 3_600_000]), maxReplays: 2)
        givesUpAfter = random.one(of: [1, 4, 50])
        resendsOneIn = random.one(of: [0, 3, 20])
        sharesOneIn = random.one(of: [0, 2, 8])
        sleepsOneIn = random.one(of: [0, 6, 20])
        calm_ms = random.one(of: [300, 3_000, 30_000])
        kills = !random.once(in: 5)
        clockJumps = random.once(in: 3)
        rebalances = random.once(in: 2)
        replays = random.once(in: 3)
        startsWithModel = !random.once(in: 4)
        shutdowns = !random.once(in: 3)
        // Over Kafka the brokers remove.
        if !log.isKafka, random.once(in: 2) {
            log.retention = RetentionLaw(
                age_ms: random.one(of: [5_000, 70_000, 300_000]), interval_ms: random.one(of: [2_000, 30_000]),
                step: random.one(of: [1, 5, 1_000]))
        }
    }
}
