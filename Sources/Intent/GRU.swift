/// What the kernels in C and in Swift have in common.
enum GRU {
    typealias Block = SIMD8<Float>

    /// The sum of a block's places, always in this order.
    @inline(__always)
    static func total(_ block: Block) -> Float {
        ((block[0] + block[4]) + (block[2] + block[6])) + ((block[1] + block[5]) + (block[3] + block[7]))
    }
}
