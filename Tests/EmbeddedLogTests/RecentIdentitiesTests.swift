import EmbeddedLog
import Testing

/// What a log recognises as a duplicate.
struct RecentIdentitiesTests {
    private func insert(_ identities: [(UInt64, Int64)], _ recent: RecentIdentities) {
        recent.insert(identities.map { (identity: $0.0, time: $0.1) })
    }

    /// As a start reads them: an identity that was forgotten and stored again stands there twice.
    @Test func anIdentityStoredAnewIsRememberedAsLongAsItsNewestCopy() {
        var limits = EmbeddedLimits()
        limits.identityAge = .seconds(10)
        let recent = RecentIdentities(limits)
        insert([(1, 0), (1, 11_000), (2, 11_000)], recent)
        #expect(recent.contains(1))
        insert([(3, 21_000)], recent)
        #expect(recent.contains(1))
        insert([(4, 21_001)], recent)
        #expect(!recent.contains(1))
    }

    @Test func theSameWithinItsNumber() {
        var limits = EmbeddedLimits()
        limits.identities = 3
        let recent = RecentIdentities(limits)
        insert([(1, 0), (2, 0), (1, 0), (3, 0), (4, 0)], recent)
        #expect(recent.contains(1) && !recent.contains(2))
        insert([(5, 0)], recent)
        #expect(!recent.contains(1) && recent.contains(3))
    }
}
