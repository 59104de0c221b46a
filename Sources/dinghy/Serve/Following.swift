import ServiceLifecycle

/// Something that is kept current until the server stops.
struct Following: Service {
    let follow: @Sendable () async -> Void

    func run() async { await cancelWhenGracefulShutdown { await follow() } }
}
