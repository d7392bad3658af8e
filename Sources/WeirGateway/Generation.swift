package import WeirBase
package import WeirConfiguration
package import WeirQuota
import WeirRuntime
package import WeirSMTP

/// One configuration with all that was made from it; a reload swaps the whole of it, or nothing.
package final class Generation: Sendable {
    package let loaded: LoadedConfiguration
    package let configuration: Configuration
    package let policies: Policies
    package let relays: Relays
    package let scanner: Scanner?
    /// By listener name: puts a server's TLS over an accepted transport.
    package let serverTLS: [String: Material.ServerWrap]
    /// By listener name, in seconds since 1970.
    package let certificateEnds: [String: UInt64]
    package let timeouts: Timeouts
    /// Of notices, by name.
    package let templates: [NoticeName: NoticeTemplate]
    package let webhooks: [WebhookAccess]
    /// The least number of recipients that a plan takes in a message; nil: none has a limit.
    private let leastRecipients: UInt64?

    package struct Timeouts: Sendable {
        package let command: UInt64
        package let data: UInt64
        package let relay: UInt64
        package let relayDot: UInt64
        package let drain: UInt64

        init(_ timeouts: Configuration.Timeouts) {
            command = timeouts.command.wholeNanoseconds
            data = timeouts.data.wholeNanoseconds
            relay = timeouts.relay.wholeNanoseconds
            relayDot = timeouts.relayDot.wholeNanoseconds
            drain = timeouts.drain.wholeNanoseconds
        }
    }

    /// Limits of one message that EHLO announces; nil: none.
    package struct Announced: Sendable {
        package var octets: UInt64?
        package var recipients: UInt64?
    }

    init(_ loaded: LoadedConfiguration, material: Material, relays: Relays, scanner: Scanner?) {
        self.loaded = loaded
        configuration = loaded.configuration
        policies = loaded.policies
        self.relays = relays
        self.scanner = scanner
        serverTLS = material.serverTLS
        certificateEnds = material.certificateEnds
        templates = material.templates
        webhooks = material.webhooks
        timeouts = Timeouts(loaded.configuration.timeouts)
        let plans = loaded.policies.plans.plans.map { Announced(LimitSet($0), now: Instant(nanoseconds: 0)) }
        leastRecipients = plans.compactMap(\.recipients).min()
    }

    /// The same configuration with TLS contexts made anew.
    init(_ former: Generation, renewed material: Material) {
        loaded = former.loaded
        configuration = former.configuration
        policies = former.policies
        relays = former.relays
        scanner = former.scanner
        serverTLS = material.serverTLS
        certificateEnds = material.certificateEnds
        timeouts = former.timeouts
        templates = former.templates
        webhooks = former.webhooks
        leastRecipients = former.leastRecipients
    }

    /// What an account's messages are held to; nil: it is not known yet. `mayChange`: AUTH may name another.
    ///
    /// Then no size but the relays' is told: who hears of a smaller one bounces for good what is larger, and seldom asks again after AUTH.
    /// And the least number of recipients is, for who hears of that only sends the rest in another message.
    package func announced(for limits: LimitSet?, mayChange: Bool, now: Instant, relays: Extensions) -> Announced {
        var announced = limits.map { Announced($0, now: now) } ?? Announced()
        if mayChange || limits == nil {
            announced.octets = nil
            announced = announced.smallest(with: Announced(recipients: leastRecipients))
        }
        let ofRelays = Announced(octets: relays.sizeMax, recipients: relays.recipientsMax.map { max(1, $0) })
        return announced.smallest(with: ofRelays)
    }
}

extension Generation.Announced {
    init(_ limits: LimitSet, now: Instant) {
        for limit in limits.limits(at: now) where limit.window == .message && limit.excess != .observe {
            switch limit.quantity {
            // To a client, 0 means that there is no limit (RFC 1870, section 4), or nothing (RFC 9422).
            case .octets: octets = max(1, UInt64(clamping: limit.allowed))
            case .recipients: recipients = max(1, UInt64(clamping: limit.allowed))
            case .messages, .refusals, .connections: break
            }
        }
    }

    func smallest(with other: Self) -> Self {
        func least(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
            guard let left, let right else { return left ?? right }
            return min(left, right)
        }
        return Self(octets: least(octets, other.octets), recipients: least(recipients, other.recipients))
    }
}

extension Duration {
    /// Saturates at both ends.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: .second)
        return overflow ? .max : whole &+ UInt64(attoseconds / 1_000_000_000)
    }
}
