import Events
import Sessions

/// Something that gives a probability after every step of a session.
protocol PrefixPredictor {
    func scores(_ session: TrainingSession) -> [Float]
}

extension IntentModel: PrefixPredictor {}

/// The share of training prefixes whose session bought, whatever happens.
struct ConstantBaseline: PrefixPredictor {
    let probability: Float

    /// The share of buying sessions instead, for a comparison in which each session weighs the same.
    init(sessions: [TrainingSession]) {
        probability = Float((Double(sessions.count { $0.purchased }) + 0.5) / (Double(sessions.count) + 1))
    }

    init(_ training: [TrainingSession]) {
        let prefixes = training.reduce(0) { $0 + $1.steps.count }
        let positive = training.reduce(0) { $0 + ($1.purchased ? $1.steps.count : 0) }
        probability = Float((Double(positive) + 0.5) / (Double(prefixes) + 1))
    }

    func scores(_ session: TrainingSession) -> [Float] {
        Array(repeating: probability, count: session.steps.count)
    }
}

/// A Markov chain of order three over kinds: the share of buying sessions among prefixes that end in the same three
/// kinds, smoothed towards the share of the same two, and so on.
struct MarkovBaseline: PrefixPredictor {
    private var counts: [Int: (all: Double, positive: Double)] = [:]
    private static let order = 3
    private static let smoothing = 20.0

    init(_ training: [TrainingSession]) {
        for session in training {
            for end in session.steps.indices {
                for order in 0...Self.order {
                    let context = Self.context(session.steps, end: end, order: order)
                    var count = counts[context] ?? (0, 0)
                    count.all += 1
                    if session.purchased { count.positive += 1 }
                    counts[context] = count
                }
            }
        }
    }

    /// The kinds of the last `order` steps up to `end` as one number; 7 stands for "before the session".
    private static func context(_ steps: [Step], end: Int, order: Int) -> Int {
        (0..<order).reduce(order) { code, back in
            code * 8 + (end - back >= 0 ? Int(steps[end - back].kind.rawValue) : 7)
        }
    }

    func scores(_ session: TrainingSession) -> [Float] {
        session.steps.indices.map { end in
            var probability = 0.5
            for order in 0...Self.order {
                let count = counts[Self.context(session.steps, end: end, order: order)] ?? (0, 0)
                probability = (count.positive + Self.smoothing * probability) / (count.all + Self.smoothing)
            }
            return Float(probability)
        }
    }
}

/// Logistic regression on counts: how many of each kind so far, how long, how much is in the cart. Fitted by Newton's
/// method with a light ridge on all buying sessions and a part of the others, which then weigh the more.
struct LogisticBaseline: PrefixPredictor {
    private static let features = EventKind.allCases.count + 4
    private var coefficients: [Double]
    /// Rows that a fit looks at, about: more change nothing that can be seen.
    private static let maxRows = 1_000_000

    init(_ training: [TrainingSession]) {
        coefficients = Array(repeating: 0, count: Self.features)
        let prefixes = training.reduce(0) { $0 + $1.steps.count }
        let every = max(1, (prefixes + Self.maxRows - 1) / Self.maxRows)
        var rows: [Float] = []
        var targets: [(label: Double, weight: Double)] = []
        for (index, session) in training.enumerated() where session.purchased || index % every == 0 {
            let target = session.purchased ? (1.0, 1.0) : (0.0, Double(every))
            Self.forEachRow(session) { x in
                for value in x { rows.append(Float(value)) }
                targets.append(target)
            }
        }
        for _ in 0..<12 {
            guard let change = step(rows, targets) else { break }
            for index in coefficients.indices { coefficients[index] -= max(-4, min(4, change[index])) }
            if change.allSatisfy({ abs($0) < 1e-6 }) { break }
        }
    }

    /// Newton's step.
    private func step(_ rows: [Float], _ targets: [(label: Double, weight: Double)]) -> [Double]? {
        let features = Self.features
        let ridge = 1e-3
        var gradient = coefficients.map { $0 * ridge }
        var hessian = [Double](repeating: 0, count: features * features)
        var x = [Double](repeating: 0, count: features)
        for (row, target) in targets.enumerated() {
            for index in 0..<features { x[index] = Double(rows[row * features + index]) }
            let p = Self.probability(x, coefficients)
            let curvature = max(p * (1 - p), 1e-9) * target.weight
            let error = (p - target.label) * target.weight
            for i in 0..<features {
                gradient[i] += error * x[i]
                let scaled = curvature * x[i]
                for j in 0...i { hessian[i * features + j] += scaled * x[j] }
            }
        }
        let matrix = (0..<features).map { i in
            (0..<features).map { j in hessian[i * features + j] + (i == j ? ridge : 0) }
        }
        return Self.solve(matrix, gradient)
    }

    func scores(_ session: TrainingSession) -> [Float] {
        var scores: [Float] = []
        scores.reserveCapacity(session.steps.count)
        Self.forEachRow(session) { scores.append(Float(Self.probability($0, coefficients))) }
        return scores
    }

    private static func probability(_ x: [Double], _ coefficients: [Double]) -> Double {
        var sum = 0.0
        for index in 0..<features { sum += x[index] * coefficients[index] }
        return PortableMath.sigmoid(sum)
    }

    /// The features of every prefix, one after the other.
    private static func forEachRow(_ session: TrainingSession, _ body: ([Double]) -> Void) {
        let kinds = EventKind.allCases.count
        var counts = [Int](repeating: 0, count: kinds)
        var row = [Double](repeating: 0, count: features)
        for (index, step) in session.steps.enumerated() {
            let kind = Int(step.kind.rawValue)
            counts[kind] += 1
            row[kind] = PortableMath.log1p(Double(counts[kind]))
            row[kinds] = 1
            row[kinds + 1] = PortableMath.log1p(Double(index + 1))
            row[kinds + 2] = PortableMath.log1p(Double(step.elapsed_ms) / 1_000) / 4
            row[kinds + 3] = PortableMath.log1p(Double(step.cart))
            body(row)
        }
    }

    /// Cholesky's method for a symmetric positive matrix given by its lower triangle.
    private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
        let size = right.count
        var lower = matrix
        for i in 0..<size {
            for j in 0...i {
                var sum = lower[i][j]
                for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
                if i == j {
                    guard sum > 0 else { return nil }
                    lower[i][i] = sum.squareRoot()
                } else {
                    lower[i][j] = sum / lower[j][j]
                }
            }
        }
        var x = right
        for i in 0..<size {
            for k in 0..<i { x[i] -= lower[i][k] * x[k] }
            x[i] /= lower[i][i]
        }
        for i in (0..<size).reversed() {
            for k in (i + 1)..<max(size, i + 1) { x[i] -= lower[k][i] * x[k] }
            x[i] /= lower[i][i]
        }
        return x
    }
}
