import WeirQuota

/// A configuration with all that was read beside it.
package struct LoadedConfiguration: Sendable {
    package var configuration: Configuration
    package var policies: Policies
    /// In the order of file and line.
    package var warnings: [ConfigurationError]
    /// The files that were read, weir.yaml first.
    package var files: [String]
    /// A fingerprint of their names and octets, 16 hex digits: equal for equal files, and not made against malice.
    package var digest: String
    /// Where each value of weir.yaml stands, by path, such as `tls.certificate` or `relays[0].ca`.
    package var places: [String: Place]

    package init(
        configuration: Configuration, policies: Policies, warnings: [ConfigurationError] = [], files: [String] = [],
        digest: String = "", places: [String: Place] = [:]
    ) {
        self.configuration = configuration
        self.policies = policies
        self.warnings = warnings
        self.files = files
        self.digest = digest
        self.places = places
    }

    /// Where the first of these keys stands that weir.yaml gives; weir.yaml as a whole where it gives none.
    package func place(of keys: [String]) -> Place {
        keys.lazy.compactMap { places[$0] }.first ?? Place(file: files.first ?? "")
    }
}

extension Configuration {
    /// How large one file may be, in octets.
    package static let fileOctetsMax = 4 * 1024 * 1024
    /// How many plan files there may be.
    package static let planFilesMax = 1_000

    /// Reads weir.yaml and the plan files it names; whatever is wrong in any of them is told at once.
    ///
    /// Whether certificates, secrets and directories exist is not looked at: that takes the daemon's rights.
    package static func load(_ path: String) throws(ConfigurationErrors) -> LoadedConfiguration {
        var loading = Loading(path: path)
        let configuration = loading.readConfiguration()
        let policies = loading.readPolicies()
        loading.checkPlans()
        guard let configuration, let policies, loading.errors.isEmpty else {
            throw ConfigurationErrors(loading.errors)
        }
        return LoadedConfiguration(
            configuration: configuration, policies: policies,
            warnings: loading.reading.warnings.sorted { $0.place < $1.place }, files: loading.files,
            digest: loading.fingerprint.description, places: loading.reading.places)
    }

    /// Reads the text of a weir.yaml by itself: no other file but the system's time zones.
    package static func parse(_ octets: [UInt8], file: String) throws(ConfigurationErrors) -> Configuration {
        var loading = Loading(path: file)
        let configuration = loading.parseConfiguration(octets)
        guard let configuration, loading.errors.isEmpty else { throw ConfigurationErrors(loading.errors) }
        return configuration
    }
}

/// One load under way.
private struct Loading {
    let path: String
    /// Of weir.yaml; each plan file has its own.
    let reading: Reading
    private(set) var files: [String] = []
    private(set) var fingerprint = Fingerprint()
    private var otherErrors: [ConfigurationError] = []
    /// Read even where the rest of weir.yaml is wrong, so that the plan files are looked at all the same.
    private var draft: Configuration.Draft?
    private var assembly = PolicyAssembly()
    /// Whether a plan that is not known could be in a file that cannot be read.
    private var isPlanFileMissing = false

    init(path: String) {
        self.path = path
        reading = Reading(file: path)
    }

    var errors: [ConfigurationError] { reading.errors.errors + otherErrors + assembly.errors }

    mutating func readConfiguration() -> Configuration? {
        read(path).flatMap { parseConfiguration($0) }
    }

    mutating func parseConfiguration(_ octets: [UInt8]) -> Configuration? {
        let document = YAMLDocument(octets, file: path)
        otherErrors += document.errors
        draft = document.root.flatMap { Keys.read($0, reading, Configuration.read) }
        return draft?.configuration
    }

    mutating func readPolicies() -> Policies? {
        guard let patterns = draft?.policies else { return nil }
        for (path, pattern) in planFiles(patterns) {
            let reading = Reading(file: path)
            let document = read(path, named: pattern).map { YAMLDocument($0, file: path) }
            otherErrors += document?.errors ?? []
            if let file = document?.root.flatMap({ PolicyFile.read($0, reading) }) {
                assembly.add(file, reading.places)
            } else {
                isPlanFileMissing = true
            }
            otherErrors += reading.errors.errors
        }
        return assembly.policies()
    }

    /// Every network's plan exists.
    mutating func checkPlans() {
        guard !isPlanFileMissing, let draft, !draft.policies.isEmpty else { return }
        let names = assembly.planNames
        let known = Set(names)
        for network in draft.networks where !known.contains(network.value.plan) {
            let message = "unknown plan \(quoted(network.value.plan))"
            let hint = Spelling.hint(for: network.value.plan, among: names)
            reading.refuse(at: "\(network.path).plan", message, hint: hint)
        }
    }

    /// The files of all patterns, each once, in the order of the patterns, and which pattern that is.
    private mutating func planFiles(_ patterns: [Item<String>]) -> [(path: String, pattern: Item<String>)] {
        var paths: [(path: String, pattern: Item<String>)] = []
        for pattern in patterns {
            do throws(FileFault) {
                let found = try WeirConfiguration.files(matching: pattern.value, in: reading.directory)
                if found.isEmpty {
                    reading.refuse(at: pattern.path, "no file matches \(quoted(pattern.value))")
                    isPlanFileMissing = true
                }
                let known = Set(paths.map(\.path))
                paths += found.filter { !known.contains($0) }.map { ($0, pattern) }
            } catch {
                reading.refuse(at: pattern.path, "cannot search for \(quoted(pattern.value)): \(error.reason)")
                isPlanFileMissing = true
            }
        }
        if paths.count > Configuration.planFilesMax {
            reading.refuse(at: "policies", "more than \(Configuration.planFilesMax) plan files")
        }
        return Array(paths.prefix(Configuration.planFilesMax))
    }

    /// Reads a file, and takes it into the fingerprint; a plan file is named by a pattern.
    private mutating func read(_ path: String, named pattern: Item<String>? = nil) -> [UInt8]? {
        do throws(FileFault) {
            let octets = try readFile(path, octetsMax: Configuration.fileOctetsMax)
            files.append(path)
            fingerprint.add(path.utf8)
            fingerprint.add(octets)
            return octets
        } catch {
            let reason = "cannot be read: \(error.reason)"
            if let pattern {
                let hint = error.isNoFile ? "policies: names files, as policies/*.yaml does" : nil
                reading.refuse(at: pattern.path, "\(path): \(reason)", hint: hint)
            } else {
                otherErrors.append(ConfigurationError(Place(file: path), reason))
            }
            return nil
        }
    }
}

/// FNV-1a over pieces, 64 bits; each piece's length is part of it.
///
/// Source: Fowler, Noll, Vo; the constants are the algorithm's.
private struct Fingerprint {
    private var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ octets: some Collection<UInt8>) {
        for octet in octets { add(octet) }
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: octets.count >> shift)) }
    }

    private mutating func add(_ octet: UInt8) { value = (value ^ UInt64(octet)) &* 0x100_0000_01B3 }

    var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
