public import Edge
public import EventLog
public import Hummingbird
public import Logging

/// HTTP in: `/collect` with POST, the pixel and preflights, and the door for replays. What may be sent and every reply:
/// docs/events.md.
///
/// `/collect` is answered by `door`, which stands before the router (`HTTPServerBuilder.guarded`); replays are routes.
///
/// Everything a request can bring is bounded: its body before and after inflation, its events, their records, and what
/// all requests under way hold together; the log's own queue is bounded by the log. At every one of these bounds the
/// sender is told so. IP addresses are not looked at.
///
/// A request whose answer is under way when the server stops is answered: the server drains first, and only then may
/// the log be closed.
public struct CollectorRoutes: Sendable {
    private let entrance: CollectEntrance
    private let replay: ReplayDoor
    private let replayNeedsKey: Bool

    /// - Parameters:
    ///   - now: milliseconds since the epoch.
    ///   - makeID: gives an id to an event that came without one; must never give the same twice.
    public init(
        log: any EventLog, settings: CollectorSettings, logger: Logger, now: @escaping @Sendable () -> Int64,
        makeID: (@Sendable () -> String)? = nil
    ) {
        settings.check()
        let metrics = CollectorMetrics()
        let failures = FailureLog(logger: logger, now: now)
        let reader = BodyReader(
            maxBodyBytes: settings.maxBodyBytes, maxInflatedBytes: settings.maxInflatedBytes, metrics: metrics)
        let collect = CollectDoor(
            reader: reader, maxEvents: settings.maxEvents,
            intake: EventIntake(log: log, maxRecordBytes: settings.maxRecordBytes, failures: failures),
            turns: Turns(limit: settings.maxRequests), metrics: metrics, now: now, makeID: makeID ?? { RandomID.make() }
        )
        entrance = CollectEntrance(
            keys: WriteKeys(settings.writeKeys), origins: Origins(settings.origins),
            held: HeldBytes(limit: settings.maxHeldBytes), collect: collect,
            screening: Screening(gpc: settings.gpc, dnt: settings.dnt),
            limits: SenderLimits(settings.limits, keys: settings.writeKeys, now: now), metrics: metrics)
        replayNeedsKey = settings.replayNeedsKey
        replay = ReplayDoor(
            log: log, reader: reader, maxRows: settings.maxEvents, failures: failures, metrics: metrics, now: now)
    }

    /// Answers everything at `/collect`.
    public var door: any DirectDoor { entrance }

    /// The door for replays.
    public func add<Context: RequestContext>(to router: Router<Context>) {
        router.get("replay/:name") { request, context in
            try await answer(request, context) { _, _ in
                try await replay.mark(context.parameters.require("name"))
            }
        }
        router.post("replay/:name") { request, context in
            try await answer(request, context) { head, share in
                try await replay.append(request, head, context.parameters.require("name"), share)
            }
        }
        router.post("replay/:name/end") { request, context in
            try await answer(request, context) { _, _ in
                try await replay.end(context.parameters.require("name"))
            }
        }
    }

    /// Writes down how much of their quotas the keys have used, until cancelled. Only where there are quotas.
    public func keepQuotas(logger: Logger) async { await entrance.limits.keep(logger: logger) }

    /// What is thrown beside a refusal comes from a connection that is gone.
    private func answer(
        _ request: Request, _ context: some RequestContext,
        _ body: (RequestHead, HeldBytes.Share) async throws -> DirectReply
    ) async throws -> Response {
        let head = RequestHead(request, context)
        let passage = Passage(
            .replay, head, held: entrance.held, origins: entrance.origins, metrics: entrance.metrics)
        do {
            if replayNeedsKey { try entrance.keys.check(head) }
            return Response(passage.reply(try await body(head, passage.share)))
        } catch let error as CollectorError {
            return Response(passage.refused(error))
        } catch {
            passage.abandon()
            throw error
        }
    }
}
