/// What is wrong with the configuration: one line that names place, key and fix, and never a secret.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }
}
