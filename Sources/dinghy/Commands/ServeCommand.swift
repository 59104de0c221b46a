import ArgumentParser

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Takes events in, scores them, retrains, and shows what goes on.",
        discussion: """
            Runs until Ctrl-C or SIGTERM; what is under way is finished first. Without a configuration everything runs
            in this process, on 127.0.0.1:8080, with its data in ./data.

              dinghy serve
              dinghy serve --config config/dinghy.yaml --port 9000
              dinghy serve --roles collect,score

            Exit code: 0 after an orderly stop, 1 when something failed, 78 when the configuration is wrong.
            """)

    @OptionGroup var options: SettingsOptions
    @Option(help: "Roles of this process, of collect, score, retrain, console (default: all).")
    var roles: String?
    @Option(help: "Address to listen on (default: 127.0.0.1).")
    var host: String?
    @Option(help: "Port to listen on; 0 takes a free one (default: 8080).")
    var port: String?

    func run() async throws {
        var flags: [(key: String, value: String)] = []
        if let roles { flags.append(("roles", roles)) }
        if let host { flags.append(("http.host", host)) }
        if let port { flags.append(("http.port", port)) }
        let settings = try await options.settings(flags)
        try await Server(settings: settings, retrainArguments: ["retrain"] + options.arguments).run()
    }
}
