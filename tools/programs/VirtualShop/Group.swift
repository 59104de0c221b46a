import EventLog

/// Who scores which partitions. Embedded: one process, all of them, until it dies. Over Kafka: members come and go, are
/// asked to give back, are thrown out when they are slow, and learn of it late.
final class Group: @unchecked Sendable {  // As `World`.
    enum News {
        case assigned([Int])
        case revoked([Int])
        case lost([Int])
    }

    struct Member {
        var news: [News] = []
        /// It was thrown out and has to join anew.
        var isOut = false
    }

    private let world: World
    private let partitionCount: Int
    private(set) var owners: [Int?]
    private(set) var members: [Int: Member] = [:]
    private var leaving: Set<Int> = []
    private var isRebalancing = false
    private var isDirty = false

    static let patience_ms = 3_000

    init(_ world: World, partitions: Int) {
        self.world = world
        partitionCount = partitions
        owners = Array(repeating: nil, count: partitions)
    }

    func owned(by member: Int) -> [Int] { owners.indices.filter { owners[$0] == member } }

    func join(_ member: Int) {
        for partition in owned(by: member) { owners[partition] = nil }
        leaving.remove(member)
        members[member] = Member()
        rebalance()
    }

    func leave(_ member: Int) {
        guard members.removeValue(forKey: member) != nil else { return }
        for partition in owned(by: member) { owners[partition] = nil }
        leaving.remove(member)
        rebalance()
    }

    /// The brokers give up a member that still lives: others get its partitions, and it learns of it when it asks.
    func throwOut(_ member: Int) {
        guard members[member] != nil else { return }
        let lost = owned(by: member)
        world.trace("group: member \(member) is thrown out with \(lost)")
        for partition in lost { owners[partition] = nil }
        leaving.remove(member)
        members[member]?.news = lost.isEmpty ? [] : [.lost(lost)]
        members[member]?.isOut = lost.isEmpty || world.random.once(in: 2)
        rebalance()
    }

    func rebalance() {
        isDirty = true
        guard !isRebalancing else { return finishIfAllLeft() }
        isRebalancing = true
        isDirty = false
        for member in members.keys.sorted() {
            let owned = owned(by: member)
            if owned.isEmpty { continue }
            if members[member]?.news.contains(where: { if case .assigned = $0 { true } else { false } }) == true {
                // Never began: nothing to commit.
                members[member]?.news = []
                for partition in owned { owners[partition] = nil }
            } else {
                members[member]?.news.append(.revoked(owned))
                leaving.insert(member)
            }
        }
        world.trace("group: rebalance, waits for \(leaving.sorted())")
        finishIfAllLeft()
        guard isRebalancing else { return }
        world.spawn { [self] in
            await world.sleep(Self.patience_ms)
            guard isRebalancing else { return }
            for member in leaving.sorted() { giveUp(member) }
            finishIfAllLeft()
        }
    }

    private func giveUp(_ member: Int) {
        let lost = owned(by: member)
        world.trace("group: member \(member) does not give back \(lost)")
        for partition in lost { owners[partition] = nil }
        leaving.remove(member)
        members[member]?.news = [.lost(lost)]
    }

    func release(_ member: Int) {
        guard leaving.remove(member) != nil else { return }
        for partition in owned(by: member) { owners[partition] = nil }
        finishIfAllLeft()
    }

    private func finishIfAllLeft() {
        guard isRebalancing, leaving.isEmpty else { return }
        isRebalancing = false
        let present = members.keys.sorted().filter { members[$0]?.isOut == false }
        guard !present.isEmpty else { return }
        for partition in owners.indices { owners[partition] = world.random.one(of: present) }
        for member in present { members[member]?.news.append(.assigned(owned(by: member))) }
        world.trace("group: \(owners.map { $0 ?? -1 })")
        if isDirty { isDirty = false }
    }

    func nextNews(of member: Int) throws(EventLogError) -> News? {
        guard let state = members[member] else { throw .mustRejoin("not a member") }
        if state.news.isEmpty {
            if state.isOut { throw .mustRejoin("thrown out") }
            return nil
        }
        return members[member]?.news.removeFirst()
    }

    /// Whether it may commit what it scored of these.
    func owns(_ member: Int, _ partitions: [Int]) -> Bool {
        members[member]?.isOut == false && partitions.allSatisfy { owners[$0] == member }
    }
}
