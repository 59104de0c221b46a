/// SplitMix64: a seed names a run.
public struct Chance: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    public mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    public mutating func once(in count: Int) -> Bool { below(count) == 0 }
    public mutating func one<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
    public mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
}
