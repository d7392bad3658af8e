internal import Glibc
package import WeirConfiguration
import WeirRuntime
import WeirSMTP

/// A file that a configuration names and that cannot be used.
package struct MaterialError: Error, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String
    package let hint: String

    package var description: String { "\(file): \(reason)\(hint.isEmpty ? "" : ": \(hint)")" }
}

/// All of them at once.
package struct MaterialErrors: Error, Sendable {
    package let errors: [MaterialError]
}

extension Material {
    /// Reads certificates, keys and secrets of a configuration; tells all that is wrong at once.
    ///
    /// The key of account names is made where its file is absent and `mayCreate` allows it.
    package static func load(_ configuration: Configuration, mayCreate: Bool) throws(MaterialErrors) -> Material {
        var errors: [MaterialError] = []
        func collect<Value>(_ body: () throws(MaterialError) -> Value) -> Value? {
            do throws(MaterialError) {
                return try body()
            } catch {
                errors.append(error)
                return nil
            }
        }
        var serverTLS: [String: ServerWrap] = [:]
        var certificateEnds: [String: UInt64] = [:]
        for listener in configuration.listeners where listener.tls != .none {
            let context = collect { () throws(MaterialError) in
                try serverContext(configuration.tls, listener: listener.name)
            }
            guard let context else { continue }
            certificateEnds[listener.name] = context.certificateEnd
            serverTLS[listener.name] = wrap(context)
        }
        var secrets: [String: RelayConnector.Secrets] = [:]
        for relay in configuration.relays {
            secrets[relay.name] = collect { () throws(MaterialError) in
                RelayConnector.Secrets(wrap: try relayWrap(relay), login: try credentials(of: relay))
            }
        }
        let key = collect { () throws(MaterialError) in
            try hashKey(configuration.hashKeyFile, mayCreate: mayCreate)
        }
        // One certificate serves all listeners: say once what is wrong with it.
        var seen: Set<String> = []
        guard errors.isEmpty, let key else {
            throw MaterialErrors(errors: errors.filter { seen.insert($0.description).inserted })
        }
        var material = Material(serverTLS: serverTLS, relaySecrets: secrets, hashKey: key)
        material.certificateEnds = certificateEnds
        return material
    }

    private static func serverContext(
        _ tls: Configuration.TLS?, listener: String
    ) throws(MaterialError) -> TLSContext {
        guard let tls else { preconditionFailure("the configuration was checked") }
        do throws(TLSFileError) {
            return try TLSContext(certificate: tls.certificate, key: tls.key, listener: listener)
        } catch {
            throw MaterialError(
                file: error.file, reason: error.reason, hint: "tls: names a PEM certificate chain and its private key")
        }
    }

    private static func wrap(_ context: TLSContext) -> ServerWrap {
        return { transport throws(TransportFailure) in try context.accept(over: transport) }
    }

    private static func relayWrap(_ relay: Relay) throws(MaterialError) -> RelayConnector.Wrap? {
        let authorities: TLSContext.Authorities
        switch relay.tls {
        case .none: return nil
        case .opportunistic: authorities = .anybody
        case .required, .implicit: authorities = relay.ca.map { .file($0) } ?? .system
        }
        do throws(TLSFileError) {
            let context = try TLSContext(authorities: authorities)
            return { transport, name throws(TransportFailure) in try context.connect(over: transport, to: name) }
        } catch {
            throw MaterialError(
                file: error.file, reason: error.reason,
                hint: "ca: of relay \(relay.name) names a PEM file of authorities")
        }
    }

    private static func credentials(of relay: Relay) throws(MaterialError) -> Credentials? {
        guard let login = relay.login, let file = relay.passwordFile else { return nil }
        var password = try contents(of: file, octetsMax: 1024, what: "password_file: of relay \(relay.name)")
        while let last = password.last, last == 0x0A || last == 0x0D { password.removeLast() }
        guard !password.isEmpty, !password.contains(0) else {
            throw MaterialError(file: file, reason: "no password in it", hint: "write the password on its only line")
        }
        return Credentials(login: Array(login.utf8), password: password)
    }

    /// The octets of a hash key, and the most and the least that a file of one may have.
    private static let keyOctets = 32

    private static func hashKey(_ file: String, mayCreate: Bool) throws(MaterialError) -> [UInt8] {
        if access(file, F_OK) == 0 {
            let key = try contents(of: file, octetsMax: 4096, what: "hash_key_file:")
            guard key.count >= 16 else {
                throw MaterialError(
                    file: file, reason: "a key of \(key.count) octets is too short",
                    hint: "at least 16; remove the file to have a new one made")
            }
            return key
        }
        let key = randomOctets(keyOctets)
        guard mayCreate else { return key }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw MaterialError(
                file: file, reason: SystemError.text(errno),
                hint: "hash_key_file: is made at first start, in a folder that exists")
        }
        defer { close(descriptor) }
        guard write(descriptor, key, key.count) == key.count, fsync(descriptor) == 0 else {
            throw MaterialError(file: file, reason: SystemError.text(errno), hint: "")
        }
        return key
    }

    private static func contents(of file: String, octetsMax: Int, what: String) throws(MaterialError) -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MaterialError(file: file, reason: SystemError.text(errno), hint: what) }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: octetsMax + 1)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw MaterialError(file: file, reason: SystemError.text(errno), hint: what) }
        guard count <= octetsMax else {
            throw MaterialError(file: file, reason: "larger than \(octetsMax) octets", hint: what)
        }
        return Array(buffer.prefix(count))
    }
}
