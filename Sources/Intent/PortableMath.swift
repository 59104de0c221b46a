/// Elementary functions that give the same bits on every machine: no libm, no fused multiply-add.
///
/// Everything that scores uses these; so does training, so that the two never differ by a function.
package enum PortableMath {
    /// 1.5 · 2²³: adding it rounds a float to an integer that then stands in the low bits.
    private static let magic: Float = 12_582_912
    private static let magicBits: Int32 = 0x4b40_0000

    /// eˣ for eight values, after Cephes `expf` (Moshier): x = n·ln 2 + r, a polynomial for eʳ, 2ⁿ by the exponent's
    /// bits. Relative error below 2e-7; arguments are clamped to ±87.
    @inline(__always)
    package static func exp(_ x: SIMD8<Float>) -> SIMD8<Float> {
        var x = x
        x.replace(with: 87, where: x .> 87)
        x.replace(with: -87, where: x .< -87)
        let shifted = x * 1.442_695_04 + magic
        let n = shifted - magic
        let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4
        var p = r * 1.987_569_15e-4 + 1.398_199_95e-3
        p = p * r + 8.333_451_9e-3
        p = p * r + 4.166_579_6e-2
        p = p * r + 1.666_666_55e-1
        p = p * r + 5.000_000_1e-1
        p = p * (r * r) + r + 1
        // The same size, any bit pattern is valid on both sides.
        let bits = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- magicBits
        let scale = unsafeBitCast((bits &+ 127) &<< 23, to: SIMD8<Float>.self)
        return p * scale
    }

    @inline(__always)
    package static func sigmoid(_ x: SIMD8<Float>) -> SIMD8<Float> { 1 / (1 + exp(-x)) }

    @inline(__always)
    package static func tanh(_ x: SIMD8<Float>) -> SIMD8<Float> { 2 / (1 + exp(-2 * x)) - 1 }

    /// 1 / (1 + e⁻ˣ), double precision to about 1e-15 relative.
    package static func sigmoid(_ x: Double) -> Double {
        x >= 0
            ? 1 / (1 + exp(-x))
            : {
                let e = exp(x); return e / (1 + e)
            }()
    }

    package static func logit(_ p: Double) -> Double { log(p / (1 - p)) }

    /// eˣ: x = n·ln 2 + r with |r| ≤ ln 2 / 2, then the Taylor series to the fourteenth term. Arguments are clamped to
    /// ±700; NaN gives NaN.
    package static func exp(_ x: Double) -> Double {
        if x.isNaN { return x }
        let x = min(max(x, -700), 700)
        let n = (x * 1.442_695_040_888_963_4).rounded()
        let r = (x - n * 0.693_147_180_369_123_8) - n * 1.908_214_929_270_587_7e-10
        var term = 1.0
        var sum = 1.0
        for k in 1...14 {
            term *= r / Double(k)
            sum += term
        }
        return sum * Double(sign: .plus, exponent: Int(n), significand: 1)
    }

    /// ln x for x > 0: x = m·2ᵉ with m near 1, then 2·artanh((m − 1)/(m + 1)) as a series.
    package static func log(_ x: Double) -> Double {
        precondition(x > 0 && x.isFinite, "PortableMath.log: of \(x)")
        var exponent = Int(x.exponent)
        var m = x.significand
        if m > 1.414_213_562_373_095 {
            m /= 2
            exponent += 1
        }
        let s = (m - 1) / (m + 1)
        let square = s * s
        var power = s
        var sum = s
        for k in stride(from: 3, through: 23, by: 2) {
            power *= square
            sum += power / Double(k)
        }
        return 2 * sum + Double(exponent) * 0.693_147_180_559_945_3
    }

    /// ln(1 + x) for x > −1; the absolute error, not the relative one, stays small near 0.
    package static func log1p(_ x: Double) -> Double { log(1 + x) }

    /// ln(1 + x) of two numbers from 0 up, each with the bits that `log1p` gives: the same operations, two at a time.
    @inline(__always)
    package static func log1p(_ x: SIMD2<Double>) -> SIMD2<Double> {
        // The same size, any bit pattern is valid on both sides; 1 + x is a normal number, so its exponent is these bits.
        let bits = unsafeBitCast(1 + x, to: SIMD2<UInt64>.self)
        var exponent = SIMD2<Double>(
            Double(Int(bits[0] >> 52) - 1_023), Double(Int(bits[1] >> 52) - 1_023))
        var m = unsafeBitCast(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000, to: SIMD2<Double>.self)
        let isLarge = m .> 1.414_213_562_373_095
        m.replace(with: m / 2, where: isLarge)
        exponent.replace(with: exponent + 1, where: isLarge)
        let s = (m - 1) / (m + 1)
        let square = s * s
        var power = s
        var sum = s
        for k in stride(from: 3, through: 23, by: 2) {
            power *= square
            sum += power / Double(k)
        }
        return 2 * sum + exponent * 0.693_147_180_559_945_3
    }

    /// sin and cos of a turn's share, by the Taylor series around the nearest quarter.
    package static func sinCos(turn: Double) -> (sin: Double, cos: Double) {
        let quarter = (turn * 4).rounded()
        let x = (turn - quarter / 4) * 6.283_185_307_179_586
        let square = x * x
        var sine = 0.0
        var cosine = 0.0
        for k in stride(from: 8, through: 0, by: -1) {
            sine = 1 - square / Double((2 * k + 2) * (2 * k + 3)) * sine
            cosine = 1 - square / Double((2 * k + 1) * (2 * k + 2)) * cosine
        }
        sine *= x
        return switch Int(quarter) & 3 {
        case 0: (sine, cosine)
        case 1: (cosine, -sine)
        case 2: (-sine, -cosine)
        default: (-cosine, sine)
        }
    }
}
