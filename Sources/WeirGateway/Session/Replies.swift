import WeirBase
import WeirQuota
import WeirSMTP

/// The replies that explain a limit or a suspension; those that need no explaining are ``Reply``'s own.
enum Explanation {
    /// What a refused recipient, or a refused message, is told: which limit, how much is used, and when there is room.
    static func reply(_ refusal: Refusal, id: MessageID, now: Instant, wall: WallTime) -> Reply {
        let limit = refusal.limit
        switch (limit.quantity, limit.window) {
        case (.recipients, .message) where limit.allowed > 0:
            return Reply(
                452, EnhancedCode(4, 5, 3),
                "Too many recipients: \(refusal.scope.owner) takes \(limit.allowed) per message. "
                    + "Send the rest in another message. [\(id)]")
        case (.octets, _) where refusal.canNeverFit || limit.window == .message:
            return Reply(
                552, EnhancedCode(5, 3, 4),
                "Message too big: \(refusal.scope.owner) takes \(limit.spell(limit.allowed)) \(limit.phrase). [\(id)]")
        case (_, _) where refusal.canNeverFit:
            return Reply(
                550, EnhancedCode(5, 7, 1),
                "Not permitted: \(refusal.scope.owner) takes \(limit.spell(limit.allowed)) \(limit.phrase). [\(id)]")
        case (_, _):
            let used = limit.spell(refusal.used)
            let room =
                refusal.freesAt.map { "; room again at \(LocalCalendar.text(of: $0, now: now, wall: wall))" } ?? ""
            let text = "Limit reached: \(used) of \(limit.spell(limit.allowed)) \(limit.phrase) used\(room). [\(id)]"
            return refusal.excess == .rejection
                ? Reply(550, EnhancedCode(5, 7, 1), text) : Reply(450, EnhancedCode(4, 7, 1), text)
        }
    }

    /// What a suspended account is told, at each recipient or in place of the dot.
    static func suspended(_ when: Plan.WhenSuspended, contact: String, id: MessageID) -> Reply {
        let text = "Sending is suspended for this account. Write to \(contact). [\(id)]"
        return when == .reject ? Reply(550, EnhancedCode(5, 7, 1), text) : Reply(450, EnhancedCode(4, 7, 1), text)
    }

    /// What the scanner will have nobody get.
    static func scanRefused(contact: String, id: MessageID) -> Reply {
        Reply(
            550, EnhancedCode(5, 7, 1),
            "The content of this message is refused as spam or worse. If it is neither, write to \(contact). [\(id)]")
    }

    /// What the scanner wants to see again.
    static func scanDeferred(id: MessageID) -> Reply {
        Reply(
            451, EnhancedCode(4, 7, 1), "The content of this message is in doubt for now, try again later. [\(id)]")
    }

    /// There is no verdict, and without one nothing passes.
    static func notScanned(id: MessageID) -> Reply {
        Reply(
            451, EnhancedCode(4, 7, 1), "The content of this message cannot be scanned now, try again later. [\(id)]")
    }

    /// What an account that is flagged is told when it has written to enough people it does not know.
    static func slowed(contact: String, id: MessageID) -> Reply {
        Reply(
            450, EnhancedCode(4, 7, 1),
            "This account may write to few new people at present; others as ever. Write to \(contact). [\(id)]")
    }
}

extension Scope {
    /// Whose limit it is, in words for the one who sends.
    fileprivate var owner: String {
        switch self {
        case .account: "this plan"
        case .customer: "this customer"
        case .gateway: "this gateway"
        }
    }
}
