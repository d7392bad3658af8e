import WeirBase
package import WeirConfiguration
import WeirRuntime
package import WeirSMTP

/// The relays of one configuration, in the order they are tried, with the pools that every loop keeps of them.
package final class Relays: Sendable {
    package let all: [RelayState]
    private let pools: [RelayPool]
    private let random: @Sendable () -> UInt64

    /// Keeps the state of every relay of `former` whose settings have not changed, and what is known of one whose share or bound has.
    package init(
        _ settings: [Relay], pools: [RelayPool], former: Relays? = nil, meter: (String) -> RelayMeter? = { _ in nil },
        random: @escaping @Sendable () -> UInt64
    ) {
        all = settings.map { settings in
            former?.all.first { $0.settings == settings }
                ?? RelayState(
                    settings, meter: meter(settings.name),
                    after: former?.all.first { $0.settings.name == settings.name })
        }
        self.pools = pools
        self.random = random
    }

    /// What every relay last offered: so much may be promised to a client. One that was never reached offers nothing.
    package var offered: Extensions {
        let each = all.map { $0.offered ?? Extensions() }
        return each.dropFirst().reduce(each.first ?? Extensions()) { $0.common(with: $1) }
    }

    /// Whether some relay offers this, as far as is known.
    func mayOffer(_ keywords: Extensions.Keywords) -> Bool { all.contains { $0.offered?.offers(keywords) ?? true } }

    /// The relays that do not rest, in an order drawn by weight; those of weight 0 come last.
    func candidates(excluding excluded: [RelayState]) -> [RelayState] {
        let up = all.filter { relay in relay.isUp && !excluded.contains { $0 === relay } }
        guard up.count > 1 else { return up }
        var left = up.filter { $0.settings.weight > 0 }
        var drawn: [RelayState] = []
        while !left.isEmpty {
            let total = left.reduce(0) { $0 + UInt64($1.settings.weight) }
            var ticket = random() % total
            let index = left.firstIndex { relay in
                let weight = UInt64(relay.settings.weight)
                if ticket < weight { return true }
                ticket -= weight
                return false
            }
            drawn.append(left.remove(at: index ?? 0))
        }
        return drawn + up.filter { $0.settings.weight == 0 }
    }

    /// Asks the other loops to close an idle connection of `relay`, for one that has none and may open none.
    func shedIdle(of relay: RelayState, except pool: RelayPool) {
        for other in pools where other !== pool { other.shed(relay) }
    }
}
