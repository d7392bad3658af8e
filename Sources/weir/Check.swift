import Glibc
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Reads configuration and policies, tries what they name, and says what is wrong and where; sends and changes nothing.
struct Check {
    private let terminal = Terminal()
    private let installation: Installation
    private let asJSON: Bool
    private let loaded: LoadedConfiguration
    private let runtime: RealRuntime
    private var findings: [CheckReport.Finding] = []
    private var errors: [ConfigurationError] = []
    private var warnings: [ConfigurationError]

    private var configuration: Configuration { loaded.configuration }

    /// Returns the exit status.
    static func run(_ installation: Installation, asJSON: Bool) async throws -> Int32 {
        let loaded: LoadedConfiguration
        do throws(ConfigurationErrors) {
            loaded = try installation.load()
        } catch {
            guard asJSON else { throw error }
            try Terminal().json(CheckReport(errors: error.errors))
            return ExitStatus.configuration
        }
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        var check = Check(installation, loaded, runtime, asJSON: asJSON)
        await check.all()
        return try check.report()
    }

    private init(_ installation: Installation, _ loaded: LoadedConfiguration, _ runtime: RealRuntime, asJSON: Bool) {
        self.installation = installation
        self.loaded = loaded
        self.runtime = runtime
        self.asJSON = asJSON
        warnings = loaded.warnings
    }

    private mutating func all() async {
        LocalCalendar.setZone(configuration.timezone)
        Signals.ignoreBrokenPipes()
        let plans = loaded.policies.plans.plans.count
        say("configuration", "\(count(loaded.files.count, "file")), \(count(plans, "plan"))")
        checkTokens()
        let material = checkFiles()
        checkAdmin()
        do throws(AdminError) {
            let running = try await runningDaemon()
            await checkStore(running)
            await checkPorts(running?.status)
        } catch {
            // Whether the store and the ports are a daemon's cannot be told, so neither is tried.
            warn(["admin.socket"], "the daemon cannot be asked: \(error.detail)")
        }
        if let material {
            await checkRelays(material)
            await checkScanner(material)
        }
    }

    private func report() throws(AdminError) -> Int32 {
        if asJSON {
            try terminal.json(CheckReport(findings: findings, warnings: warnings, errors: errors))
        } else {
            for warning in warnings.sorted(by: { $0.place < $1.place }) { terminal.note("\(warning) (warning)") }
            for error in errors.sorted(by: { $0.place < $1.place }) { terminal.note("\(error)") }
        }
        return errors.isEmpty ? 0 : ExitStatus.configuration
    }

    // MARK: - Files

    private mutating func checkTokens() {
        do throws(ConfigurationErrors) {
            _ = try AdminDaemon.tokens(loaded)
        } catch {
            errors += error.errors
        }
    }

    private mutating func checkFiles() -> Material? {
        do throws(ConfigurationErrors) {
            let material = try Material.load(loaded, mayCreate: false)
            noteCertificates(material)
            noteTemplates(material)
            return material
        } catch {
            errors += error.errors
            return nil
        }
    }

    private mutating func noteTemplates(_ material: Material) {
        let marks = Set(loaded.policies.plans.plans.flatMap(\.warnAt))
        for name in material.templates.keys.sorted(by: { $0.description < $1.description }) {
            guard let percent = name.mark?.percent, !marks.contains(percent) else { continue }
            let hint = marks.sorted().map { "\($0)%" }.joined(separator: ", ")
            warn(
                ["notices.directory"], "\(name).txt is never sent: no plan warns at \(percent)%",
                hint: hint.isEmpty ? "warn_at in a plan says when to warn" : "plans warn at \(hint)")
        }
    }

    private mutating func noteCertificates(_ material: Material) {
        guard let end = material.certificateEnds.values.min() else { return }
        let now = runtime.wall.seconds
        guard end > now else { return refuse(["tls.certificate"], "the certificate has ended: renew it") }
        let days = (end - now) / 86_400
        if days < 14 { warn(["tls.certificate"], "the certificate ends in \(days) days") }
        say("certificate", "good for \(count(Int(clamping: days), "day"))")
    }

    // MARK: - The store

    private typealias Running = (daemon: any Administration, status: Status)

    /// Nil where no daemon runs; throws where one may, and does not say.
    private func runningDaemon() async throws(AdminError) -> Running? {
        do throws(AdminError) {
            let daemon = try installation.daemon(knowing: .success(loaded))
            return (daemon, try await daemon.status())
        } catch {
            guard error.kind == .unreachable else { throw error }
            return nil
        }
    }

    private mutating func checkStore(_ running: Running?) async {
        if let (daemon, status) = running {
            say("store", "held by the daemon that runs, \(count(status.accounts.known, "account"))")
            return await checkPlans(by: daemon)
        }
        do throws(StoreError) {
            let directory = try StoreDirectory(configuration.store, mayChange: false)
            guard let stores = try directory.stores(verified: true) else { return checkNewStore() }
            let counts = try stores.accounts.counts()
            say("store", "sound, \(count(counts.map(\.count).reduce(0, +), "account"))")
            for each in counts { refusePlan(each.plan, accounts: each.count) }
        } catch .olderVersion(let path) {
            say("store", "\(StoreError.olderVersion(path: path))")
        } catch {
            refuse(error)
        }
    }

    private mutating func refuse(_ error: StoreError) {
        refuse(["store"], error.explanation, mayBeRights: error.exitStatus == ExitStatus.denied)
    }

    private mutating func checkNewStore() {
        let path = configuration.store
        let isThere = access(path, F_OK) == 0
        guard let code = System.obstacle(toFolder: isThere ? "\(path)/lock" : path) else {
            let future = isThere ? "holds none yet: the first start makes it" : "will be made at the first start"
            return say("store", "\(path) \(future)")
        }
        refuse(StoreError.unreachable(path: path, call: isThere ? "open" : "mkdir", errno: code))
    }

    private mutating func checkPlans(by daemon: any Administration) async {
        var unknown: [String: Int] = [:]
        do throws(AdminError) {
            var query = AccountQuery(limit: AccountQuery.pageMax)
            repeat {
                let page = try await daemon.accounts(query)
                for account in page.accounts where loaded.policies.plans[account.plan] == nil {
                    unknown[account.plan, default: 0] += 1
                }
                query.cursor = page.next
            } while query.cursor != nil
        } catch {
            warn(["admin.socket"], "the daemon does not list its accounts: \(error.detail)")
        }
        for (plan, count) in unknown.sorted(by: { $0.key < $1.key }) { refusePlan(plan, accounts: count) }
    }

    private mutating func refusePlan(_ plan: String, accounts: Int) {
        guard loaded.policies.plans[plan] == nil else { return }
        refuse(["policies"], "\(ReloadError.plansInUse([.init(plan: plan, accounts: accounts)]))")
    }

    // MARK: - The network

    private mutating func checkAdmin() {
        for fault in AdminDaemon.faults(in: configuration.admin) {
            refuse([fault.key], fault.reason, mayBeRights: fault.mayBeRights)
        }
    }

    private mutating func checkPorts(_ status: Status?) async {
        let before = errors.count
        let held = status?.listeners.map(\.address) ?? []
        for (index, listener) in configuration.listeners.enumerated() where !held.contains(listener.address.description)
        {
            await checkPort(listener.name, listener.address, "listeners[\(index)].address", held: held)
        }
        if status == nil, let address = configuration.admin.address {
            await checkPort("admin", address, "admin.address", held: [])
        }
        guard errors.count == before else { return }
        let number = configuration.listeners.count
        say("listeners", status == nil ? "\(number), nothing else on their ports" : "\(number), a daemon runs")
    }

    /// `held` are the addresses of a daemon's listeners.
    private mutating func checkPort(
        _ name: String, _ endpoint: SocketAddress, _ key: String, held: [String]
    ) async {
        do throws(ListenError) {
            try await PortTrial.run(name, endpoint, on: runtime)
        } catch {
            let holder = held.first { SocketAddress(listening: $0)?.overlaps(endpoint) == true }
            if error.cause.errno == EADDRINUSE, let holder {
                return warn(
                    [key],
                    "listener \(name): the daemon listens on \(holder): to change that to \(endpoint) takes a restart")
            }
            refuse([key], "\(error)", mayBeRights: error.cause.errno == EACCES)
        }
    }

    private mutating func checkRelays(_ material: Material) async {
        for (index, outcome) in await RelayTrial.run(configuration, material, on: runtime).enumerated() {
            let name = outcome.relay.name
            guard let failure = outcome.failure else {
                say("relay \(name)", "answers")
                continue
            }
            let key = "relays[\(index)]"
            let what = "relay \(name), \(failure.stage.rawValue): \(failure.reason)"
            switch failure.stage {
            case .resolve:
                refuse(["\(key).address"], what, hint: "getent hosts asks the same; is the name spelt right?")
            case .tls:
                refuse(["\(key).tls", "\(key).address"], what, hint: "tls: and ca: say what must hold")
            case .login: refuse(["\(key).login"], what, hint: "login: and password_file: must be what the relay knows")
            case .connect, .greeting, .hello:
                warn(["\(key).address"], what, hint: "mail is deferred while no relay answers")
            }
        }
    }

    private mutating func checkScanner(_ material: Material) async {
        guard let scanner = configuration.scanner else { return }
        guard let failure = await ScannerTrial.run(scanner, material, on: runtime) else {
            return say("scanner", "answers")
        }
        let fate = scanner.away == .open ? "pass without it" : "are deferred"
        warn(["scanner.url"], "scanner: \(failure)", hint: "messages \(fate) while it does not answer")
    }

    // MARK: - Words

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private mutating func say(_ what: String, _ result: String) {
        findings.append(CheckReport.Finding(subject: what, result: result))
        if !asJSON { terminal.line("\(what): \(result)") }
    }

    private mutating func refuse(_ keys: [String], _ message: String, hint: String = "") {
        errors.append(ConfigurationError(loaded.place(of: keys), message, hint: hint.isEmpty ? nil : hint))
    }

    /// Whoever checks may have fewer rights than the daemon: what more of them would mend is no error.
    private mutating func refuse(_ keys: [String], _ message: String, mayBeRights: Bool) {
        if mayBeRights { warn(keys, message) } else { refuse(keys, message) }
    }

    private mutating func warn(_ keys: [String], _ message: String, hint: String = "") {
        warnings.append(ConfigurationError(loaded.place(of: keys), message, hint: hint.isEmpty ? nil : hint))
    }
}

extension SocketAddress {
    /// Reads an address as a status tells it.
    fileprivate init?(listening text: String) {
        guard let endpoint = Endpoint(text), case .address(let ip) = endpoint.host else { return nil }
        self.init(ip, port: endpoint.port)
    }
}
