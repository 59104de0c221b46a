import EventLog
import Scoring

/// The product's own examinations of what is left when everything has settled: `PositionCheck` and `SampleAudit`, which
/// have to make do with what retention has kept.
struct Examination {
    private let shop: Shop
    private let world: World

    init(_ shop: Shop) {
        self.shop = shop
        world = shop.world
    }

    func run() async {
        guard let log = shop.collector?.log, log.process.isAlive else { return }
        let outputs = VirtualOutputs(disk: shop.disk, process: log.process)
        let parameters = shop.law.scoring.parameters
        let findings = await PositionCheck(events: log, outputs: outputs, parameters: parameters).run()
        // A stop that was under way may have taken the log away.
        guard log.process.isAlive else { return }
        for finding in findings {
            world.fail("position check: partition \(finding.partition), offset \(finding.offset): \(finding.problem)")
        }
        let audit = SampleAudit(events: log, outputs: outputs, parameters: parameters) { number in
            guard let model = Models.numbered(number) else { throw EventLogError.unusable("no model \(number)") }
            return model
        }
        do {
            let report = try await audit.run(count: 40, seed: world.random.next())
            world.expect(
                report.passed,
                "sample audit: \(report.problems) problems, difference \(report.largestDifference): "
                    + "\(report.findings.first.map { "\($0)" } ?? "")")
        } catch {
            guard log.process.isAlive else { return }
            world.fail("sample audit: \(error)")
        }
    }
}
