import Synchronization
package import WeirConfiguration
import WeirQuota
import WeirRuntime
package import WeirStore

/// Why a new configuration was not taken; the old one stays in force.
package enum ReloadError: Error, Sendable {
    /// Another reload is under way.
    case busy
    /// Keys that only a restart changes.
    case needsRestart(keys: [String])
    /// Plans that are not defined any more, while accounts are on them.
    case plansInUse([PlanInUse])
    case listen(ListenError)
    case store(StoreError)

    /// A plan that accounts are on.
    package struct PlanInUse: Hashable, Sendable {
        package var plan: String
        package var accounts: Int

        package init(plan: String, accounts: Int) {
            self.plan = plan
            self.accounts = accounts
        }
    }
}

/// Taking a new configuration: built beside the old one, and swapped whole or not at all.
extension Gateway {
    /// Takes a configuration that was loaded with its material; returns what differs, one line each. No session is dropped: each goes on
    /// with the old settings until its next envelope.
    package func reload(_ loaded: LoadedConfiguration, _ material: Material) async throws(ReloadError) -> [String] {
        guard isReloading.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            throw .busy
        }
        defer { isReloading.store(false, ordering: .releasing) }
        let former = generation
        try check(loaded, material, former)
        let changes = former.changes(to: loaded, material)
        let opened: [(port: Port, socket: any Listening)]
        do throws(ReloadError) {
            try await adopt(loaded.policies, loaded.configuration.networks)
            opened = try openNew(loaded.configuration.listeners)
        } catch {
            // What was taken before goes back; the accounts' store may refuse that too, and then holds the old plans all the same.
            try? await accounts.adopt(policies: former.policies, rules: former.configuration.networks)
            throw error
        }
        // Nothing can be refused any more.
        let connector = connector(loaded.configuration, material)
        for (loop, pool) in zip(runtime.loops, pools) { await loop.spawn { pool.adopt(connector) }.value }
        swap(loaded, material, former, opened)
        probeThoseDue()
        await closeDisowned()
        await adoptNotices()
        telemetry.log.level = LogLevel(name: loaded.configuration.log.level.rawValue) ?? .info
        return changes
    }

    /// Plans that accounts are on and that `policies` do not define.
    package func plansInUse(missingFrom policies: Policies) async throws(StoreError) -> [ReloadError.PlanInUse] {
        let counts = try await accounts.withStore { store throws(StoreError) in try store.counts() }
        var missing: [ReloadError.PlanInUse] = []
        for count in counts where policies.plans[count.plan] == nil {
            if let index = missing.firstIndex(where: { $0.plan == count.plan }) {
                missing[index].accounts += count.count
            } else {
                missing.append(ReloadError.PlanInUse(plan: count.plan, accounts: count.count))
            }
        }
        return missing
    }

    private func check(_ loaded: LoadedConfiguration, _ material: Material, _ former: Generation) throws(ReloadError) {
        var keys = former.configuration.keysOfARestart(in: loaded.configuration)
        if keys.isEmpty, material.hashKey != hashKey { keys.append("hash_key_file") }
        guard keys.isEmpty else { throw .needsRestart(keys: keys) }
    }

    /// The connector of new transactions, which still knows the relays of those under way.
    private func connector(_ configuration: Configuration, _ material: Material) -> RelayConnector {
        RelayConnector(
            runtime: runtime, hostname: configuration.hostname,
            secrets: secrets.withLock { secrets in
                secrets.merge(material.relaySecrets) { $1 }
                return secrets
            },
            timeout: configuration.timeouts.relay.wholeNanoseconds, report: relayWatch.note)
    }

    private func adopt(_ policies: Policies, _ rules: [Configuration.NetworkRule]) async throws(ReloadError) {
        let missing: [ReloadError.PlanInUse]
        do throws(StoreError) {
            missing = try await plansInUse(missingFrom: policies)
            if missing.isEmpty { try await accounts.adopt(policies: policies, rules: rules) }
        } catch {
            throw .store(error)
        }
        guard missing.isEmpty else { throw .plansInUse(missing) }
    }

    /// Opens the listeners that are new: all, or none.
    private func openNew(_ wanted: [Listener]) throws(ReloadError) -> [(port: Port, socket: any Listening)] {
        let ports = state.withLock { $0.ports }
        var opened: [(port: Port, socket: any Listening)] = []
        for listener in wanted where !ports.contains(where: { $0.port.serves(listener) }) {
            do throws(ListenError) {
                opened.append(try open(listener))
            } catch {
                close(opened.map(\.socket))
                let own = ports.map { ($0.port.listener.name, $0.socket.address) }
                throw .listen(error.held(by: own, wanting: listener.address))
            }
        }
        return opened
    }

    /// Puts the new generation in force.
    private func swap(
        _ loaded: LoadedConfiguration, _ material: Material, _ former: Generation,
        _ opened: [(port: Port, socket: any Listening)]
    ) {
        let wanted = loaded.configuration.listeners
        let metrics = telemetry.metrics
        let relays = Relays(
            loaded.configuration.relays, pools: pools, former: former.relays,
            meter: { RelayMeter($0, metrics: metrics) }, random: { [runtime] in runtime.random() })
        let scanner = Scanner.make(loaded, material, former: former.scanner, runtime: runtime, telemetry)
        let generation = Generation(loaded, material: material, relays: relays, scanner: scanner)
        state.withLock { state in
            state.generation = generation
            state.ports += opened
            for (port, _) in state.ports {
                if let listener = wanted.first(where: port.serves) { port.listener = listener }
            }
        }
    }

    /// Closes the listeners that the configuration no longer has; their sessions live on.
    private func closeDisowned() async {
        let wanted = generation.configuration.listeners
        let disowned = state.withLock { state in
            let disowned = state.ports.filter { port, _ in !wanted.contains { port.serves($0) } }
            state.ports.removeAll { port, _ in !wanted.contains { port.serves($0) } }
            return disowned
        }
        for (port, socket) in disowned {
            telemetry.metrics.smtp.listenerUp[telemetry.metrics.listener(port.listener.name)].set(0)
            await socket.close()
        }
    }

    private func close(_ sockets: [any Listening]) {
        runtime.loops[0].spawn { for socket in sockets { await socket.close() } }
    }
}

extension ReloadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .busy: "another reload is under way; try again when it is done"
        case .needsRestart(let keys):
            "\(keys.joined(separator: ", ")) cannot change while weir runs: restart it, or take the change back"
        case .plansInUse(let plans):
            plans.map { plan in
                let accounts = plan.accounts == 1 ? "1 account is" : "\(plan.accounts) accounts are"
                return
                    "\(accounts) on plan \(plan.plan), which is no longer defined: keep the plan, or move them first "
                    + "(weir account list --plan \(plan.plan))"
            }.joined(separator: "\n")
        case .listen(let error): error.description
        case .store(let error): error.explanation
        }
    }
}
