import Foundation
import Intent
import Testing

/// The functions of our own beside those of the C library.
struct PortableMathTests {
    private func relative(_ value: Double, _ expected: Double) -> Double { abs(value - expected) / abs(expected) }

    @Test func singlePrecisionIsWithinItsBound() {
        var worst = (exp: 0.0, sigmoid: 0.0, tanh: 0.0)
        for x in stride(from: Float(-86.9), through: 86.9, by: 0.003_7) {
            let exact = Double(x)
            worst.exp = max(worst.exp, relative(Double(PortableMath.exp(SIMD8(repeating: x))[0]), exp(exact)))
            worst.sigmoid = max(
                worst.sigmoid, abs(Double(PortableMath.sigmoid(SIMD8(repeating: x))[0]) - 1 / (1 + exp(-exact))))
            worst.tanh = max(worst.tanh, abs(Double(PortableMath.tanh(SIMD8(repeating: x))[0]) - tanh(exact)))
        }
        #expect(worst.exp < 2e-7)
        #expect(worst.sigmoid < 1.2e-7)
        #expect(worst.tanh < 2.4e-7)
    }

    @Test func farArgumentsSaturate() {
        for x: Float in [-1e30, -200, 200, 1e30] {
            let sigmoid = PortableMath.sigmoid(SIMD8(repeating: x))[0]
            #expect(x < 0 ? sigmoid >= 0 && sigmoid < 1e-37 : sigmoid == 1)
            #expect(PortableMath.tanh(SIMD8(repeating: x))[0] == (x < 0 ? -1 : 1))
        }
        #expect(PortableMath.exp(SIMD8(repeating: Float.nan))[0].isNaN)
        #expect(PortableMath.exp(Double.nan).isNaN)
        #expect(PortableMath.exp(1e9).isFinite && PortableMath.exp(-1e9) > 0)
    }

    @Test func lanesDoNotSeeEachOther() {
        let x = SIMD8<Float>(-3, -1, -0.1, 0, 0.1, 1, 3, 60)
        for lane in 0..<8 {
            #expect(PortableMath.tanh(x)[lane] == PortableMath.tanh(SIMD8(repeating: x[lane]))[0])
        }
    }

    @Test func doublePrecisionIsWithinItsBound() {
        var worst = (exp: 0.0, log: 0.0, sigmoid: 0.0, sine: 0.0)
        for x in stride(from: -699.0, through: 699, by: 0.377) {
            worst.exp = max(worst.exp, relative(PortableMath.exp(x), exp(x)))
        }
        for exponent in stride(from: -300.0, through: 300, by: 0.0731) {
            let x = pow(10, exponent)
            // Where the logarithm is nearly 0 the absolute error is what counts.
            worst.log = max(worst.log, abs(PortableMath.log(x) - log(x)) / max(1, abs(log(x))))
        }
        for x in stride(from: -40.0, through: 40, by: 0.01) {
            worst.sigmoid = max(worst.sigmoid, relative(PortableMath.sigmoid(x), 1 / (1 + exp(-x))))
        }
        for turn in stride(from: -1.0, through: 1, by: 0.000_7) {
            let (sine, cosine) = PortableMath.sinCos(turn: turn)
            worst.sine = max(worst.sine, abs(sine - sin(2 * .pi * turn)), abs(cosine - cos(2 * .pi * turn)))
        }
        #expect(worst.exp < 5e-14)
        #expect(worst.log < 1e-14)
        #expect(worst.sigmoid < 1e-14)
        #expect(worst.sine < 1e-15)
    }

    /// The encoder takes two logarithms at a time; what trained before they were two must not score otherwise.
    @Test(arguments: [1, 2, 3] as [UInt64]) func twoLogarithmsHaveTheBitsOfOneAtATime(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var numbers = [0, 0.001, 1, 0.414_213_562_373_095, 0.414_213_562_373_096, 1_800, 4_294_967.295]
        for _ in 0..<20_000 {
            numbers.append(
                Double(UInt32.random(in: 0...(.max), using: &random) >> UInt32.random(in: 0..<32, using: &random))
                    / 1_000)
        }
        for (left, right) in zip(numbers, numbers.reversed()) {
            let both = PortableMath.log1p(SIMD2(left, right))
            #expect(both[0].bitPattern == PortableMath.log1p(left).bitPattern, "of \(left)")
            #expect(both[1].bitPattern == PortableMath.log1p(right).bitPattern, "of \(right)")
        }
    }
}
