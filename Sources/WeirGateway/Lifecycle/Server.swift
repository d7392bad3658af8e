internal import Glibc
package import WeirBase
package import WeirConfiguration
import WeirQuota
package import WeirRuntime
package import WeirStore

/// A gateway on the real runtime, with its stores, threads and log, from start to end.
package final class Server: Sendable {
    package let runtime: RealRuntime
    package let gateway: Gateway
    package let accounting: Accounting
    package let telemetry: Telemetry
    /// Where the configuration was read from, and is read again.
    package let path: String
    package let startedAt: WallTime
    package let storage: Storage
    private let housekeeping: Housekeeping
    private let logWriter: LogWriter?
    private let passwords: PasswordPool

    /// What a start may be given beside its configuration.
    package struct Options: Sendable {
        /// Event loops; nil: one a processor.
        package var loops: Int?
        /// Listening sockets that the service manager passed.
        package var sockets: [ServiceManager.Socket] = []
        /// Where log lines go; nil: to standard output, by a thread of its own.
        package var log: (any LogSink)?

        package init() {}
    }

    /// Opens the stores, reads the ledger, probes the relays, and listens.
    package init(_ loaded: LoadedConfiguration, _ options: Options = Options()) async throws(StartError) {
        let configuration = loaded.configuration
        LocalCalendar.setZone(configuration.timezone)
        Signals.ignoreBrokenPipes()
        let material: Material
        do throws(ConfigurationErrors) {
            material = try Material.load(loaded, mayCreate: true)
        } catch {
            throw .configuration(error)
        }
        let stores: Accounting.Stores
        do throws(StoreError) {
            stores = try Accounting.Stores(configuration.store)
        } catch {
            throw .store(error)
        }
        path = loaded.files.first ?? ""
        startedAt = stores.clock.wall
        storage = Storage(configuration.store)
        let loops = options.loops ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        do throws(SystemError) {
            try System.raiseDescriptorLimit()
            let format = LogFormat(rawValue: configuration.log.format.rawValue) ?? .json
            logWriter = options.log == nil ? try LogWriter(format: format, clock: stores.clock) : nil
            telemetry = Server.telemetry(loaded, loops, format, options.log ?? logWriter, stores.clock)
            runtime = try RealRuntime(loops: loops, clock: stores.clock)
            runtime.adopt(options.sockets)
            passwords = try PasswordPool(runtime: runtime, threads: max(2, loops))
        } catch {
            throw .system(error)
        }
        accounting = try await Accounting(stores, on: runtime, loaded, events: Server.events(telemetry))
        gateway = Gateway(
            Gateway.Parts(
                runtime: runtime, loaded: loaded, material: material, ledgerWriter: accounting.ledgerWriter,
                accounts: accounting.accounts, detector: accounting.detector, passwords: passwords,
                telemetry: telemetry))
        housekeeping = Housekeeping(gateway, dropped: { [logWriter] in logWriter?.dropped ?? 0 })
        await gateway.probeRelays()
        gateway.startUpkeep()
        await gateway.startTelling()
        do throws(ListenError) {
            try gateway.listen()
        } catch {
            await stop()
            throw .listen(error)
        }
        storage.sample(into: telemetry.metrics.store)
        housekeeping.start()
        tellStart(loaded)
    }

    /// What needs somebody's attention beside the gateway's own alarms, one sentence each.
    package var alarms: [String] {
        var alarms = housekeeping.alarms
        if accounting.loaded.fromTheFuture > 0 {
            alarms.append(
                "The clock is behind: the ledger holds \(accounting.loaded.fromTheFuture) amounts from the future, which count as of now."
            )
        }
        let damaged = accounting.detector.damaged
        if damaged > 0 {
            alarms.append("\(damaged) rows of evidence were damaged: they are set aside, and began anew.")
        }
        let (free, all) = (storage.freeOctets, storage.allOctets)
        if all > 0, free < all / 10 { alarms.append("The store's disk has \(free / (all / 100))% left.") }
        return alarms
    }

    private static func telemetry(
        _ loaded: LoadedConfiguration, _ loops: Int, _ format: LogFormat, _ sink: (any LogSink)?, _ clock: AnchoredClock
    ) -> Telemetry {
        let configuration = loaded.configuration
        let metrics = GatewayMetrics(
            listeners: configuration.listeners.map(\.name), relays: configuration.relays.map(\.name),
            limits: loaded.policies.limitNames, loops: loops)
        guard let sink else { preconditionFailure("a start without a sink has a writer") }
        let level = LogLevel(name: configuration.log.level.rawValue) ?? .info
        return Telemetry(metrics: metrics, log: Log(level: level, format: format, to: sink, wall: { clock.wall }))
    }

    private static func events(_ telemetry: Telemetry) -> LedgerEvents {
        let store = telemetry.metrics.store
        let saves = telemetry.metrics.detector.saves
        let log = telemetry.log
        return LedgerEvents(
            committed: { rows, span in
                store.commits[.success].add()
                store.commitDuration.observe(span)
                store.entriesPerCommit.observe(UInt64(clamping: rows))
            },
            commitFailed: { error in
                store.commits[.error].add()
                log.error("commit failed", ["reason": .string(error.description)])
            },
            evidenceSaved: { error in
                saves[error == nil ? .success : .error].add()
                if let error { log.error("evidence not saved", ["reason": .string(error.description)]) }
            },
            storeLost: { error in
                Server.end(because: error)
            })
    }

    /// After a sync that failed the next commit would lie: the process ends at once, and the service manager starts another.
    package static func end(because error: StoreError) -> Never {
        let text = Array("weir: the store's disk failed, so this process must end: \(error)\n".utf8)
        _ = write(2, text, text.count)
        _exit(75)
    }

    private func tellStart(_ loaded: LoadedConfiguration) {
        let log = telemetry.log
        for warning in loaded.warnings { log.warning("configuration", ["warning": .string(warning.description)]) }
        for address in runtime.unusedSockets {
            log.warning("socket unused", ["address": .string(address.description)])
        }
        let future = accounting.loaded.fromTheFuture
        if future > 0 { log.error("clock behind", ["amounts": .int(future)]) }
        let damaged = accounting.detector.damaged
        if damaged > 0 { log.error("evidence damaged", ["rows": .int(damaged)]) }
        log.info(
            "started",
            [
                "hostname": .string(loaded.configuration.hostname), "pid": .int(Int(getpid())),
                "listeners": .int(loaded.configuration.listeners.count),
                "relays": .int(loaded.configuration.relays.count), "digest": .string(loaded.digest),
            ])
    }

    /// Tells the service manager that the first loop turns, as often as it wants to hear it.
    package func keepAlive(_ manager: ServiceManager) {
        guard let span = manager.watchdogMicroseconds, span > 0 else { return }
        let loop = runtime.loops[0]
        loop.spawn { [gateway] in
            while !gateway.isDraining {
                manager.notify(.watchdog)
                await loop.sleep(until: loop.now + min(span, .hour) * 500)
            }
        }
    }

    /// Drains, commits, and ends all threads.
    package func stop() async {
        telemetry.log.info("stopping")
        await housekeeping.stop()
        await gateway.drain()
        await accounting.close()
        passwords.stop()
        runtime.stop()
        telemetry.log.info("stopped")
        logWriter?.stop()
    }
}

extension Policies {
    /// The names of all limits of all plans, each once.
    package var limitNames: [String] {
        var names: [String] = []
        for limit in plans.plans.flatMap(\.limits) where !names.contains(limit.name.description) {
            names.append(limit.name.description)
        }
        return names
    }
}
