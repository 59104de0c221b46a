import Edge
public import EventLog
public import Hummingbird
public import Logging

/// HTTP in: `POST /collect`, the pixel, preflights, and the door for replays. What may be sent and every reply:
/// docs/events.md.
///
/// Everything a request can bring is bounded: its body before and after inflation, its events, their records, and what
/// all requests under way hold together; the log's own queue is bounded by the log. At every one of these bounds the
/// sender is told so. IP addresses are not looked at.
///
/// A request whose answer is under way when the server stops is answered: the server drains first, and only then may
/// the log be closed.
public struct CollectorRoutes: Sendable {
    private let keys: WriteKeys
    private let origins: Origins
    private let held: HeldBytes
    private let collect: CollectDoor
    private let replay: ReplayDoor
    private let replayNeedsKey: Bool
    private let screening: Screening
    private let limits: SenderLimits
    private let metrics = CollectorMetrics()

    /// - Parameters:
    ///   - now: milliseconds since the epoch.
    ///   - makeID: gives an id to an event that came without one; must never give the same twice.
    public init(
        log: any EventLog, settings: CollectorSettings, logger: Logger, now: @escaping @Sendable () -> Int64,
        makeID: (@Sendable () -> String)? = nil
    ) {
        settings.check()
        keys = WriteKeys(settings.writeKeys)
        origins = Origins(settings.origins)
        replayNeedsKey = settings.replayNeedsKey
        screening = Screening(gpc: settings.gpc, dnt: settings.dnt)
        limits = SenderLimits(settings.limits, keys: settings.writeKeys, now: now)
        held = HeldBytes(limit: settings.maxHeldBytes)
        let failures = FailureLog(logger: logger, now: now)
        let reader = BodyReader(
            maxBodyBytes: settings.maxBodyBytes, maxInflatedBytes: settings.maxInflatedBytes, metrics: metrics)
        collect = CollectDoor(
            reader: reader, maxEvents: settings.maxEvents,
            intake: EventIntake(log: log, maxRecordBytes: settings.maxRecordBytes, failures: failures),
            turns: Turns(limit: settings.maxRequests), metrics: metrics, now: now, makeID: makeID ?? { RandomID.make() }
        )
        replay = ReplayDoor(
            log: log, reader: reader, maxRows: settings.maxEvents, failures: failures, metrics: metrics, now: now)
    }

    public func add<Context: RequestContext>(to router: Router<Context>) {
        router.post("collect") { request, context in
            try await answer(.collect, request) { share in
                let visit = try visit(request, context)
                return visit.marked(try await collect.post(request, share, visit))
            }
        }
        router.get("collect") { request, context in
            try await answer(.pixel, request, refusal: Pixel.response) { share in
                let visit = try visit(request, context)
                return visit.marked(try await collect.pixel(request, share, visit))
            }
        }
        router.on("collect", method: .options) { request, _ in
            try await answer(.preflight, request) { _ in try origins.preflight(request) }
        }
        router.get("replay/:name") { request, context in
            try await answer(.replay, request) { _ in
                if replayNeedsKey { try keys.check(request) }
                return try await replay.mark(context.parameters.require("name"))
            }
        }
        router.post("replay/:name") { request, context in
            try await answer(.replay, request) { share in
                if replayNeedsKey { try keys.check(request) }
                return try await replay.append(request, context.parameters.require("name"), share)
            }
        }
        router.post("replay/:name/end") { request, context in
            try await answer(.replay, request) { _ in
                if replayNeedsKey { try keys.check(request) }
                return try await replay.end(context.parameters.require("name"))
            }
        }
    }

    /// Writes down how much of their quotas the keys have used, until cancelled. Only where there are quotas.
    public func keepQuotas(logger: Logger) async { await limits.keep(logger: logger) }

    /// Who sends, whether it may, and how its events are to be taken.
    private func visit(_ request: Request, _ context: some RequestContext) throws(CollectorError) -> Visit {
        let key = try keys.check(request)
        let sender = limits.sender(key: key, request, context)
        if let refusal = limits.refusal(of: sender) {
            metrics.limited(refusal.reason)
            throw refusal.error
        }
        return Visit(screening: screening, request: request, limits: limits, sender: sender, metrics: metrics)
    }

    /// Runs a request within its share of memory, turns a refusal into its reply, and counts. What else is thrown comes
    /// from a connection that is gone.
    private func answer(
        _ route: CollectorMetrics.Route, _ request: Request, refusal: (CollectorError) -> Response = Response.json,
        _ body: (HeldBytes.Share) async throws -> Response
    ) async throws -> Response {
        metrics.begin()
        let share = held.share()
        var response: Response?
        defer {
            share.giveBack()
            metrics.end(route, response?.status)
        }
        var reply: Response
        do {
            reply = try await body(share)
        } catch let error as CollectorError {
            reply = refusal(error)
        }
        if route != .replay { origins.mark(&reply, to: request) }
        response = reply
        return reply
    }
}
