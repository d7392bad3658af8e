internal import Glibc
package import WeirConfiguration
import WeirRuntime
import WeirSMTP

/// A file that a configuration names and that cannot be used.
private struct FileFault: Error {
    /// The key that names it, such as `relays[0].ca`.
    let key: String
    let file: String
    let reason: String
    let hint: String
}

extension Material {
    /// Reads certificates, keys and secrets of a configuration; tells all that is wrong at once, at the keys that name the files.
    ///
    /// The key of account names is made where its file is absent and `mayCreate` allows it.
    package static func load(_ loaded: LoadedConfiguration, mayCreate: Bool) throws(ConfigurationErrors) -> Material {
        let configuration = loaded.configuration
        var errors: [ConfigurationError] = []
        func collect<Value>(_ body: () throws(FileFault) -> Value) -> Value? {
            do throws(FileFault) {
                return try body()
            } catch {
                errors.append(
                    ConfigurationError(
                        loaded.place(of: [error.key]), "\(error.file): \(error.reason)",
                        hint: error.hint.isEmpty ? nil : error.hint))
                return nil
            }
        }
        var serverTLS: [String: ServerWrap] = [:]
        var certificateEnds: [String: UInt64] = [:]
        for listener in configuration.listeners where listener.tls != .none {
            let context = collect { () throws(FileFault) in
                try serverContext(configuration.tls, listener: listener.name)
            }
            guard let context else { continue }
            certificateEnds[listener.name] = context.certificateEnd
            serverTLS[listener.name] = wrap(context)
        }
        var secrets: [Relay: RelayConnector.Secrets] = [:]
        for (index, relay) in configuration.relays.enumerated() {
            secrets[relay] = collect { () throws(FileFault) in
                RelayConnector.Secrets(
                    wrap: try relayWrap(relay, "relays[\(index)].ca"),
                    login: try credentials(of: relay, "relays[\(index)].password_file"))
            }
        }
        let scannerPassword = collect { () throws(FileFault) in try password(of: configuration.scanner) } ?? nil
        let key = collect { () throws(FileFault) in
            try hashKey(configuration.hashKeyFile, mayCreate: mayCreate)
        }
        var templates: [NoticeName: NoticeTemplate] = [:]
        if let notices = configuration.notices {
            do throws(ConfigurationErrors) {
                templates = try NoticeTemplate.load(notices.directory)
            } catch {
                errors += error.errors
            }
        }
        let webhooks = configuration.webhooks.enumerated().compactMap { index, webhook in
            collect { () throws(FileFault) in try webhookAccess(to: webhook, "webhooks[\(index)]") }
        }
        // One certificate serves all listeners: what is wrong with it is said once.
        guard errors.isEmpty, let key else { throw ConfigurationErrors(errors) }
        var material = Material(serverTLS: serverTLS, relaySecrets: secrets, hashKey: key)
        material.scannerPassword = scannerPassword
        material.certificateEnds = certificateEnds
        material.templates = templates
        material.webhooks = webhooks
        return material
    }

    private static func serverContext(
        _ tls: Configuration.TLS?, listener: String
    ) throws(FileFault) -> TLSContext {
        guard let tls else { preconditionFailure("the configuration was checked") }
        do throws(TLSFileError) {
            return try TLSContext(certificate: tls.certificate, key: tls.key, listener: listener)
        } catch {
            throw FileFault(
                key: error.file == tls.key ? "tls.key" : "tls.certificate", file: error.file, reason: error.reason,
                hint: "tls: names a PEM certificate chain and its private key")
        }
    }

    private static func wrap(_ context: TLSContext) -> ServerWrap {
        return { transport throws(TransportFailure) in try context.accept(over: transport) }
    }

    private static func relayWrap(_ relay: Relay, _ key: String) throws(FileFault) -> RelayConnector.Wrap? {
        switch relay.tls {
        case .none: nil
        case .opportunistic: try clientWrap(.anybody, key, hint: "")
        case .required, .implicit:
            try clientWrap(
                relay.ca.map { .file($0) } ?? .system, key,
                hint: "ca: of relay \(relay.name) names a PEM file of authorities")
        }
    }

    /// A client's TLS, verified by these authorities.
    private static func clientWrap(
        _ authorities: TLSContext.Authorities, _ key: String, hint: String
    ) throws(FileFault) -> RelayConnector.Wrap {
        do throws(TLSFileError) {
            let context = try TLSContext(authorities: authorities)
            return { transport, name throws(TransportFailure) in try context.connect(over: transport, to: name) }
        } catch {
            throw FileFault(key: key, file: error.file, reason: error.reason, hint: hint)
        }
    }

    private static func webhookAccess(to webhook: Webhook, _ path: String) throws(FileFault) -> WebhookAccess {
        let key = "\(path).secret_file"
        let hint = "secret_file: holds whsec_ and 24 to 64 octets in base64, on a second line the former secret"
        let octets = try contents(of: webhook.secretFile, key, octetsMax: 1024, hint: hint)
        guard let keys = WebhookAccess.keys(octets) else {
            throw FileFault(key: key, file: webhook.secretFile, reason: "no secret in it", hint: hint)
        }
        guard webhook.url.isSecure else { return WebhookAccess(webhook, keys: keys) }
        let wrap = try clientWrap(
            webhook.ca.map { .file($0) } ?? .system, "\(path).ca", hint: "ca: names a PEM file of authorities")
        return WebhookAccess(webhook, keys: keys, wrap: wrap)
    }

    private static func credentials(of relay: Relay, _ key: String) throws(FileFault) -> Credentials? {
        guard let login = relay.login, let file = relay.passwordFile else { return nil }
        let password = try password(in: file, key, hint: "password_file: of relay \(relay.name)")
        return Credentials(login: Array(login.utf8), password: password)
    }

    private static func password(of scanner: Configuration.Scanner?) throws(FileFault) -> [UInt8]? {
        guard let file = scanner?.passwordFile else { return nil }
        return try password(in: file, "scanner.password_file", hint: "password_file: of the scanner")
    }

    private static func password(in file: String, _ key: String, hint: String) throws(FileFault) -> [UInt8] {
        var password = try contents(of: file, key, octetsMax: 1024, hint: hint)
        while let last = password.last, last == 0x0A || last == 0x0D { password.removeLast() }
        let isOneLine = !password.contains { $0 == 0x0A || $0 == 0x0D }
        guard !password.isEmpty, !password.contains(0), isOneLine else {
            let reason =
                password.isEmpty ? "no password in it" : isOneLine ? "a NUL octet in it" : "more than one line"
            throw FileFault(key: key, file: file, reason: reason, hint: "write the password on its only line")
        }
        return password
    }

    /// Of a hash key that is made here.
    private static let keyOctets = 32
    private static let keyHint = "hash_key_file: is a file of random octets, made at the first start if absent"
    /// Of any.
    package static let hashKeyOctetsMin = 16

    private static func hashKey(_ file: String, mayCreate: Bool) throws(FileFault) -> [UInt8] {
        if access(file, F_OK) == 0 {
            let key = try contents(of: file, "hash_key_file", octetsMax: 4096, hint: keyHint)
            guard key.count >= hashKeyOctetsMin else {
                throw FileFault(
                    key: "hash_key_file", file: file, reason: "a key of \(key.count) octets is too short",
                    hint: "at least \(hashKeyOctetsMin); remove the file to have a new one made")
            }
            return key
        }
        let key = randomOctets(keyOctets)
        guard mayCreate else { return key }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw FileFault(
                key: "hash_key_file", file: file, reason: SystemError.text(errno),
                hint: "hash_key_file: is made at first start, in a folder that exists")
        }
        defer { close(descriptor) }
        guard write(descriptor, key, key.count) == key.count, fsync(descriptor) == 0 else {
            throw FileFault(key: "hash_key_file", file: file, reason: SystemError.text(errno), hint: "")
        }
        return key
    }

    private static func contents(
        of file: String, _ key: String, octetsMax: Int, hint: String
    ) throws(FileFault) -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw FileFault(key: key, file: file, reason: SystemError.text(errno), hint: hint)
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: octetsMax + 1)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw FileFault(key: key, file: file, reason: SystemError.text(errno), hint: hint) }
        guard count <= octetsMax else {
            throw FileFault(key: key, file: file, reason: "larger than \(octetsMax) octets", hint: hint)
        }
        return Array(buffer.prefix(count))
    }
}
