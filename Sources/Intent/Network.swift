/// Weights where the kernels can take them, with the recurrent matrix transposed for the way back.
package struct Network: ~Copyable {
    let shape: Weights.Shape
    private let memory: Memory<SIMD8<Float>>
    private let transposedMemory: Memory<Float>

    package init(_ weights: Weights) {
        shape = weights.shape
        memory = Memory(SIMD8(repeating: 0), count: shape.count)
        transposedMemory = Memory(0, count: 8 * shape.blocks * 8 * shape.row)
        for index in weights.values.indices { blocks[index] = weights.values[index] }
        transpose()
    }

    var blocks: UnsafeMutablePointer<SIMD8<Float>> { memory.start }
    /// The same as single numbers.
    var weights: UnsafePointer<Float> { UnsafePointer(memory.numbers(Float.self)) }
    var transposed: UnsafePointer<Float> { UnsafePointer(transposedMemory.start) }

    /// To be called when the weights have been moved.
    func transpose() {
        let units = 8 * shape.blocks
        let recurrent = weights + 8 * shape.recurrent
        for to in 0..<(3 * units) {
            let line = transposedMemory.start + to * units
            for from in 0..<units { line[from] = recurrent[from * 3 * units + to] }
        }
    }
}
