/// What the scheduler is about, for `status` and the console.
public struct RetrainStatus: Codable, Sendable, Equatable {
    /// A run that has ended.
    public struct Run: Codable, Sendable, Equatable {
        /// Milliseconds since the epoch.
        public var started: Int64
        public var finished: Int64
        public var exit: RetrainExit
        /// The exit code as the process gave it; 128 and more where a signal ended it.
        public var code: Int32

        public init(started: Int64, finished: Int64, exit: RetrainExit, code: Int32) {
            self.started = started
            self.finished = finished
            self.exit = exit
            self.code = code
        }
    }

    /// As it was configured.
    public var schedule: String
    public var timeZone: String
    /// The next five runs, milliseconds since the epoch.
    public var nextRuns: [Int64]
    /// When the run under way began; `nil` where none is.
    public var runningSince: Int64?
    public var last: Run?

    public init(schedule: String, timeZone: String, nextRuns: [Int64], runningSince: Int64?, last: Run?) {
        self.schedule = schedule
        self.timeZone = timeZone
        self.nextRuns = nextRuns
        self.runningSince = runningSince
        self.last = last
    }
}
