extension Event {
    /// By which an append recognises an event that it stored before: the hash of session key, NUL and id. Neither of
    /// them can hold a NUL, so no two pairs run into each other.
    public var identity: UInt64 {
        StableHash.of(sessionKey + "\u{0}" + id)
    }
}
