/// Random numbers from a seed: SplitMix64 (Steele, Lea, Flood 2014), the same on every machine, and the few laws that
/// the shop draws from. No libm: its last bits differ between machines.
struct Chance: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for each (seed, number).
    init(seed: UInt64, stream: UInt64) {
        var mixer = Chance(seed: seed ^ (stream &* 0xd134_2543_de82_ef95))
        state = mixer.bits()
    }

    mutating func bits() -> UInt64 {
        state &+= Self.gamma
        return Self.mixed(state)
    }

    /// The finaliser, which is one to one.
    static func mixed(_ number: UInt64) -> UInt64 {
        var z = number
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A seed made of two.
    static func key(_ one: UInt64, _ other: UInt64) -> UInt64 {
        mixed(mixed(one &+ gamma) ^ (other &* gamma))
    }

    private static let gamma: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// In [0, 1).
    mutating func uniform() -> Double { Double(bits() >> 11) * 0x1p-53 }

    mutating func happens(_ probability: Double) -> Bool { uniform() < probability }

    /// From 0 up to `bound`, which is below 2³²; each is as likely as the others to one part in 2³² / `bound`.
    mutating func below(_ bound: Int) -> Int { Int(((bits() >> 32) * UInt64(bound)) >> 32) }

    mutating func exponential(mean: Double) -> Double { -Self.log(1 - uniform()) * mean }

    /// e to a normal number: `median` times a factor whose logarithm has this deviation. The normal is a sum of four
    /// uniforms, scaled to variance 1: it lies within ±3.47.
    mutating func logNormal(median: Double, deviation: Double) -> Double {
        let sum = uniform() + uniform() + uniform() + uniform() - 2
        return median * Self.exp(sum * 1.732_050_807_568_877_2 * deviation)
    }

    static func exp(_ x: Double) -> Double {
        let n = (x * 1.442_695_040_888_963_4).rounded()
        let r = x - n * 0.693_147_180_559_945_3
        var term = 1.0
        var sum = 1.0
        for k in 1...10 {
            term *= r / Double(k)
            sum += term
        }
        return sum * Double(sign: .plus, exponent: Int(n), significand: 1)
    }

    /// For x > 0.
    static func log(_ x: Double) -> Double {
        let s = (x.significand - 1) / (x.significand + 1)
        let square = s * s
        var power = s
        var sum = s
        for k in stride(from: 3, through: 21, by: 2) {
            power *= square
            sum += power / Double(k)
        }
        return 2 * sum + Double(x.exponent) * 0.693_147_180_559_945_3
    }
}

/// Draws from a fixed law over 0..<n in constant time (Walker 1977, Vose 1991).
struct AliasTable: Sendable {
    private var threshold: [Double]
    private var alias: [Int32]

    init(_ weights: [Double]) {
        let count = weights.count
        let mean = weights.reduce(0, +) / Double(count)
        threshold = weights.map { $0 / mean }
        alias = (0..<count).map { Int32($0) }
        var small = threshold.indices.filter { threshold[$0] < 1 }
        var large = threshold.indices.filter { threshold[$0] >= 1 }
        while let low = small.popLast(), let high = large.last {
            alias[low] = Int32(high)
            threshold[high] -= 1 - threshold[low]
            if threshold[high] < 1 {
                large.removeLast()
                small.append(high)
            }
        }
    }

    func draw(_ chance: inout Chance) -> Int {
        let place = chance.uniform() * Double(threshold.count)
        let index = Int(place)
        return place - Double(index) < threshold[index] ? index : Int(alias[index])
    }
}
