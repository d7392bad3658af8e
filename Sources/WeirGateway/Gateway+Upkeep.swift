import WeirQuota
import WeirRuntime
import WeirTime

/// What a gateway does by itself, whoever sends.
extension Gateway {
    /// How often resting relays are looked at, in nanoseconds: the shortest rest.
    static let probeInterval: UInt64 = .second
    /// How often idle connections and idle accounts are looked at, in nanoseconds.
    static let sweepInterval: UInt64 = 5 * .second
    /// Accounts that are looked at in one round of forgetting.
    static let evictionsMax = 2_000

    /// Starts the upkeep of relays, connections and counts; it ends when the gateway drains.
    package func startUpkeep() {
        for (loop, pool) in zip(runtime.loops, pools) {
            loop.spawn { [self] in await sweep(pool, on: loop) }
        }
        runtime.loops[0].spawn { [self] in await watch(on: runtime.loops[0]) }
    }

    /// Closes what has rested too long.
    private func sweep(_ pool: RelayPool, on loop: RuntimeExecutor) async {
        while !isDraining {
            let relays = generation.relays.all
            pool.sweep { relay in relays.contains { $0 === relay } }
            await loop.sleep(until: loop.now + Gateway.sweepInterval)
        }
    }

    /// Probes relays whose rest is over, each by itself, and forgets accounts of whom nothing counts.
    private func watch(on loop: RuntimeExecutor) async {
        var nextEviction = loop.now
        while !isDraining {
            for relay in generation.relays.all where relay.beginProbe(now: loop.now) {
                loop.spawn { [self] in
                    await probe(relay)
                    relay.endProbe()
                }
            }
            if loop.now >= nextEviction {
                ledger.decide { book, moment in _ = book.evict(atMost: Gateway.evictionsMax, at: moment) }
                nextEviction = loop.now + Gateway.sweepInterval
            }
            await loop.sleep(until: loop.now + Gateway.probeInterval)
        }
    }
}
