import Events

/// What a request's headers say about all its events: that they are a machine's, or that their visitor does not want to
/// be followed. Most say neither, and their events pass as they are.
struct Screening: Sendable {
    let gpc: PrivacyAction
    let dnt: PrivacyAction

    struct Finding {
        var isBot = false
        var wish: (signal: PrivacySignal, action: PrivacyAction)?
    }

    /// Of two wishes the one that changes more counts.
    func finding(_ head: RequestHead) -> Finding {
        var finding = Finding()
        if let agent = head.value("user-agent"), BotAgents.contains(agent) { finding.isBot = true }
        if dnt != .ignore, head.value("dnt") == "1" { finding.wish = (.dnt, dnt) }
        if gpc != .ignore, head.value("sec-gpc") == "1", gpc == .drop || finding.wish?.action != .drop {
            finding.wish = (.gpc, gpc)
        }
        return finding
    }
}

extension Event {
    /// The event without what outlives its session; `nil` where nothing is left to tell its session by.
    func stripped() -> Event? {
        guard session != nil else { return nil }
        var event = self
        event.visitor = nil
        event.order = nil
        event.url = url.map { String($0.prefix { $0 != "?" && $0 != "#" }) }
        return event
    }
}
