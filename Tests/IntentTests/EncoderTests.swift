import Events
import Intent
import Sessions
import Testing

struct EncoderTests {
    @Test(arguments: [0, 1, 2, 3, 1_000, 4_096])
    func everyProductIsFoundAndNoOther(count: Int) {
        let names = (0..<count).map { StableHash.of("product \($0)") }
        let products = Dictionary(
            uniqueKeysWithValues: names.enumerated().map { number, hash in
                (hash, Encoder.Product(popularity: Float(number), conversion: Float(-number), adding: 1))
            })
        let encoder = Encoder(pages: [], products: products)
        func numbers(_ sku: UInt64) -> SIMD8<Float> { encoder.encode(Step(kind: .detail, sku: sku)).numbers }
        for (number, hash) in names.enumerated() {
            #expect(numbers(hash)[2] == Float(number))
            #expect(numbers(hash)[3] == Float(-number))
        }
        for number in 0..<500 { #expect(numbers(StableHash.of("other \(number)"))[4] == 0) }
        #expect(numbers(0)[4] == 0)
    }

    @Test func aPageStandsForItselfOrItsSection() {
        let encoder = Encoder(pages: [21, 22, 23], products: [:])
        func row(_ page: UInt64, _ section: UInt64) -> UInt16 {
            encoder.encode(Step(kind: .pageview, page: page, section: section)).rows[2]
        }
        #expect(Set([row(21, 0), row(22, 0), row(23, 0), row(0, 0), row(9, 0)]).count == 5)
        #expect(row(9, 22) == row(22, 0))
        #expect(row(9, 8) == row(9, 0))
    }
}
