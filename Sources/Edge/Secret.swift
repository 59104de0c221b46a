/// A configured secret, compared in a time that says nothing about how much of a guess was right.
public struct Secret: Sendable, Equatable {
    private let bytes: [UInt8]

    /// An empty one would let anybody in.
    public init(_ text: String) {
        precondition(!text.isEmpty, "Secret.init: an empty secret")
        bytes = Array(text.utf8)
    }

    /// The time depends on the guess's length alone.
    public func matches(_ guess: some Sequence<UInt8>) -> Bool {
        var difference = 0
        var count = 0
        for byte in guess {
            difference |= Int(byte ^ bytes[count % bytes.count])
            count += 1
        }
        return difference | (count ^ bytes.count) == 0
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible {
    /// Nothing of it, wherever it is printed.
    public var description: String { "(secret)" }
    public var debugDescription: String { description }
}
