import EventLog
import Intent
public import Models
public import Testing

/// Where models are kept, as a machine of the shop sees it.
public struct ModelFixture: Sendable {
    /// Empty.
    public var store: any ModelStore
    /// Another machine over the same models, which it has not read yet.
    public var another: @Sendable () async throws -> any ModelStore
    public var close: @Sendable () async -> Void

    public init(
        store: any ModelStore, another: @escaping @Sendable () async throws -> any ModelStore,
        close: @escaping @Sendable () async -> Void
    ) {
        self.store = store
        self.another = another
        self.close = close
    }
}

/// What every store of models promises, as trials that any implementation runs.
public enum ModelContract {
    public static let all: [Trial] =
        keeping + changing + [
            Trial("one retrains at a time", oneRetrainsAtATime)
        ]

    /// Numbers and files.
    public static let keeping: [Trial] = [
        Trial("an empty store has no champion", anEmptyStoreHasNoChampion),
        Trial("models are numbered and kept as they are", modelsAreNumberedAndKeptAsTheyAre),
        Trial("machines that add at the same time get different numbers", addsAtTheSameTimeGetDifferentNumbers),
        Trial("another machine sees what was kept", anotherMachineSeesWhatWasKept),
    ]
    /// Champion and history.
    public static let changing: [Trial] = [
        Trial("rollbacks unwind promotions", rollbacksUnwindPromotions),
        Trial("promoting the champion changes nothing", promotingTheChampionChangesNothing),
        Trial("a challenger takes over only from its rival", aChallengerTakesOverOnlyFromItsRival),
        Trial("what is not there is not promoted", whatIsNotThereIsNotPromoted),
        Trial("changes of two machines follow one another", changesOfTwoMachinesFollowOneAnother),
    ]

    /// One promise on trial.
    public struct Trial: Sendable, CustomTestStringConvertible {
        public let name: String
        private let body: @Sendable (ModelFixture) async throws -> Void

        init(_ name: String, _ body: @escaping @Sendable (ModelFixture) async throws -> Void) {
            self.name = name
            self.body = body
        }

        public var testDescription: String { name }

        /// Tries a fresh store and closes it.
        public func run(_ make: () async throws -> ModelFixture) async throws {
            let fixture = try await make()
            do { try await body(fixture) } catch {
                await fixture.close()
                throw error
            }
            await fixture.close()
        }
    }
}
