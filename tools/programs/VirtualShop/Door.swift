/// What stands between clients and a collector: a shutdown closes it, and waits for those who are inside.
final class Door: @unchecked Sendable {  // As `World`.
    private let world: World
    private let process: VirtualProcess
    private(set) var isOpen = true
    /// Requests under way.
    private(set) var inside = 0

    init(_ world: World, _ process: VirtualProcess) {
        self.world = world
        self.process = process
    }

    /// Whether a request may come in; who does says `leave`.
    func enter() -> Bool {
        guard isOpen, process.isAlive else { return false }
        inside += 1
        return true
    }

    func leave() { inside -= 1 }

    func close() async {
        isOpen = false
        guard world.breakage != .brokenOffAtClose else { return }
        while process.isAlive, inside > 0 { await world.sleep(1) }
    }
}
