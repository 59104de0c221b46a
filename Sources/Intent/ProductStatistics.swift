import Events
import Sessions

/// What the training window says about products: in how many sessions each was seen, added, and followed by a purchase.
///
/// Counted in folds by session, so that a training row's own label never reaches its own inputs: its products are
/// described by the other folds. (Leaving out only the row's own session would tell the label by its absence.)
///
/// Memory is bounded: past `maxProducts` the half seen in the fewest sessions is forgotten, and what comes back begins
/// anew (lossy counting: Manku, Motwani 2002). Frequent products keep their counts, and only those reach a model.
package struct ProductStatistics {
    package static let folds = 5
    /// Products counted at a time.
    package static let maxProducts = 4 * Encoder.maxProducts
    /// Sessions' worth of the window's mean that every product starts with.
    private static let smoothing = 20.0

    struct Count {
        var sessions = 0.0
        var adders = 0.0
        var buyers = 0.0

        static func += (left: inout Count, right: Count) {
            left.sessions += right.sessions
            left.adders += right.adders
            left.buyers += right.buyers
        }

        static func - (left: Count, right: Count) -> Count {
            Count(
                sessions: left.sessions - right.sessions, adders: left.adders - right.adders,
                buyers: left.buyers - right.buyers)
        }
    }

    private var byFold: [[UInt64: Count]] = Array(repeating: [:], count: folds)
    private var total: [UInt64: Count] = [:]
    private var all = Count()
    /// Which session of the window a training row is; `nil`: the row's own index.
    private var origins: [Int]?

    package init(_ sessions: [TrainingSession], maxProducts: Int = Self.maxProducts) {
        precondition(maxProducts > 1, "ProductStatistics.init: room for no product")
        for (index, session) in sessions.enumerated() {
            var seen: [UInt64: Bool] = [:]
            for step in session.steps where step.sku != 0 {
                seen[step.sku] = seen[step.sku] == true || step.kind == .add
            }
            for (sku, added) in seen {
                let count = Count(sessions: 1, adders: added ? 1 : 0, buyers: session.purchased ? 1 : 0)
                byFold[index % Self.folds][sku, default: Count()] += count
                total[sku, default: Count()] += count
                all += count
            }
            if total.count > maxProducts { forgetHalf() }
        }
    }

    private mutating func forgetHalf() {
        let rare = total.sorted { ($0.value.sessions, $0.key) < ($1.value.sessions, $1.key) }.prefix(total.count / 2)
        for (sku, _) in rare {
            total[sku] = nil
            for fold in byFold.indices { byFold[fold][sku] = nil }
        }
    }

    /// The same statistics for training rows that are a part of the window.
    package func regarding(_ indices: [Int]) -> ProductStatistics {
        var statistics = self
        statistics.origins = indices
        return statistics
    }

    /// A product as the sessions outside a training row's fold describe it.
    package func product(_ sku: UInt64, outsideFoldOf index: Int) -> Encoder.Product {
        guard sku != 0, let total = total[sku] else { return .unseen }
        let session = origins.map { $0[index] } ?? index
        return product(total - (byFold[session % Self.folds][sku] ?? Count()))
    }

    /// The most frequent products, as the whole window describes them.
    package func products(limit: Int) -> [UInt64: Encoder.Product] {
        let frequent = total.sorted { ($0.value.sessions, $1.key) > ($1.value.sessions, $0.key) }.prefix(limit)
        return Dictionary(uniqueKeysWithValues: frequent.map { ($0.key, product($0.value)) })
    }

    private func product(_ count: Count) -> Encoder.Product {
        guard count.sessions > 0 else { return .unseen }
        func lift(_ events: Double, of allEvents: Double) -> Float {
            let mean = min(max(allEvents / max(all.sessions, 1), 1e-4), 1 - 1e-4)
            let share = (events + Self.smoothing * mean) / (count.sessions + Self.smoothing)
            return Float((PortableMath.logit(min(max(share, 1e-5), 1 - 1e-5)) - PortableMath.logit(mean)) / 2)
        }
        return Encoder.Product(
            popularity: Float(PortableMath.log1p(count.sessions) / 8), conversion: lift(count.buyers, of: all.buyers),
            adding: lift(count.adders, of: all.adders))
    }
}
