import Synchronization
package import WeirBase
package import WeirConfiguration
package import WeirRuntime

/// Tries whether relays can be reached as configured, without a gateway: for `weir check`.
package enum RelayTrial {
    /// How one relay answered.
    package struct Outcome: Sendable {
        package var relay: Relay
        /// Nil: it is ready for mail.
        package var failure: RelayFailure?
    }

    /// The longest wait for one reply, in nanoseconds: a person waits.
    private static let timeout: UInt64 = 5_000_000_000

    /// Connects to each relay, all at once; no mail is sent.
    package static func run(
        _ configuration: Configuration, _ material: Material, on runtime: Runtime
    ) async -> [Outcome] {
        let outcomes = Outcomes()
        let connector = RelayConnector(
            runtime: runtime, hostname: configuration.hostname, secrets: material.relaySecrets, timeout: timeout,
            report: { relay, failure in outcomes.failures.withLock { $0[relay.settings.name] = failure } })
        let loop = runtime.loops[0]
        let pool = RelayPool(loop: loop, connector: connector)
        let probes = configuration.relays.map { settings in
            loop.spawn {
                let waiter = Waiter(on: loop)
                await pool.probe(RelayState(settings), waiter: waiter)
                waiter.retire()
            }
        }
        for probe in probes { await probe.value }
        await loop.spawn { pool.sweep { _ in false } }.value
        return configuration.relays.map { relay in
            Outcome(relay: relay, failure: outcomes.failures.withLock { $0[relay.name] })
        }
    }

    private final class Outcomes: Sendable {
        let failures = Mutex<[String: RelayFailure]>([:])
    }
}

/// Tries whether the scanner answers as configured.
package enum ScannerTrial {
    /// Shows it a message that nobody sends; returns what is wrong, in words, or nil.
    package static func run(
        _ settings: Configuration.Scanner, _ material: Material, on runtime: Runtime
    ) async -> String? {
        let scanner = Scanner(settings, password: material.scannerPassword, runtime: runtime, telemetry: .silent)
        let loop = runtime.loops[0]
        return await loop.spawn { () -> String? in
            let waiter = Waiter(on: loop)
            defer { waiter.retire() }
            do throws(Scanner.ScanFault) {
                _ = try await scanner.ask(.trial, on: loop, waiter, until: scanner.deadline(now: loop.now))
                return nil
            } catch {
                return error.reason
            }
        }.value
    }
}

/// Tries whether addresses can be listened on.
package enum PortTrial {
    /// Listens on an address and lets go of it at once.
    package static func run(_ listener: String, _ endpoint: SocketAddress, on runtime: Runtime)
        async throws(ListenError)
    {
        let socket: any Listening
        do throws(SystemError) {
            socket = try runtime.listen(on: endpoint) { transport, _ in transport.close() }
        } catch {
            throw ListenError(listener: listener, address: endpoint.description, cause: error)
        }
        await socket.close()
    }
}
