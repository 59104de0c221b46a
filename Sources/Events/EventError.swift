/// Why bytes are not an event: which field, what is wrong with it, and, for text that cannot be read at all, where.
public struct EventError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The field at fault, in the sender's spelling; nil where the text as a whole is at fault.
    public var field: String?
    /// What is wrong and, where that is not obvious, what would be right. Never quotes more than a few bytes of input.
    public var reason: String
    /// Byte offset in the input, from 0, of the place where reading stopped.
    public var position: Int?

    public init(field: String? = nil, reason: String, position: Int? = nil) {
        self.field = field
        self.reason = reason
        self.position = position
    }

    /// Why a readable body is refused: it is to be sent in several.
    public static func tooManyEvents(limit: Int) -> EventError {
        EventError(reason: "more than \(limit) events in one body; send them in several")
    }

    /// `field: reason (at byte N)`.
    public var description: String {
        var text = reason
        if let field { text = field + ": " + text }
        if let position { text += " (at byte \(position))" }
        return text
    }
}
