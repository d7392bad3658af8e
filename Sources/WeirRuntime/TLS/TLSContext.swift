internal import COpenSSL
internal import Glibc

/// What the TLS connections of one listener, or towards one relay, have in common: versions, ciphers, certificates.
///
/// The profile is Mozilla's "intermediate" without its DHE suites, which let a client burn a server's processor (CVE-2002-20001)
/// and serve none that is still about. No renegotiation, no compression, no early data. A reload makes a new context beside the
/// old; connections keep theirs. A new context also has new ticket keys, so one is due each day.
///
/// `@unchecked Sendable`: the `SSL_CTX` is not changed after the initialiser; OpenSSL counts references to it with atomics.
///
/// Source: Mozilla, Server Side TLS 5.7.
package final class TLSContext: @unchecked Sendable {
    /// Whom a client believes.
    package enum Authorities: Equatable, Sendable {
        case system
        /// The certificates of a PEM file, and no others. Where revocation lists stand beside them, one of the peer's issuer must be
        /// there, in date, and not name the peer's certificate.
        case file(String)
        /// Anybody: opportunistic encryption, which keeps out only those who listen.
        case anybody
    }

    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:prime256v1:secp384r1"

    let handle: OpaquePointer
    let isServer: Bool
    let verifiesPeer: Bool
    /// When the certificate ends, in seconds since 1970; nil for clients, and before 1970.
    package let certificateEnd: UInt64?

    /// A server's context from PEM files: the certificate with its chain, and its key.
    ///
    /// `listener` keeps sessions apart: what was agreed on one listener is not resumed on another.
    package init(certificate: String, key: String, listener: String) throws(TLSFileError) {
        guard let handle = TLSContext.make(TLS_server_method()) else {
            throw TLSFileError(file: certificate, reason: takeOpenSSLReason() ?? "TLS is not available")
        }
        do {
            try TLSContext.load(certificate: certificate, key: key, into: handle)
        } catch {
            SSL_CTX_free(handle)
            throw error
        }
        let id = SHA256.digest(Array(listener.utf8))
        SSL_CTX_set_session_id_context(handle, id, UInt32(id.count))
        SSL_CTX_set_max_early_data(handle, 0)
        SSL_CTX_set_num_tickets(handle, 1)
        SSL_CTX_set_alpn_select_cb(handle, TLSContext.selectProtocol, nil)
        self.handle = handle
        isServer = true
        verifiesPeer = false
        certificateEnd = UInt64(exactly: copenssl_end(SSL_CTX_get0_certificate(handle)))
    }

    /// A client's context.
    package init(authorities: Authorities) throws(TLSFileError) {
        guard let handle = TLSContext.make(TLS_client_method()) else {
            throw TLSFileError(file: "TLS", reason: takeOpenSSLReason() ?? "not available")
        }
        do {
            try TLSContext.load(authorities, into: handle)
        } catch {
            SSL_CTX_free(handle)
            throw error
        }
        self.handle = handle
        isServer = false
        verifiesPeer = authorities != .anybody
        certificateEnd = nil
    }

    deinit { SSL_CTX_free(handle) }

    /// A server's side of TLS over an accepted transport.
    package func accept(over transport: Transport) throws(TransportFailure) -> TLSTransport {
        precondition(isServer, "a client's context accepts nothing")
        return try TLSTransport(over: transport, context: self, peerName: nil)
    }

    /// A client's side of TLS over a connected transport.
    ///
    /// `name` is the host name or numeric address as configured; the peer's certificate must carry it as a subjectAltName
    /// unless ``Authorities/anybody`` is trusted.
    package func connect(over transport: Transport, to name: String) throws(TransportFailure) -> TLSTransport {
        precondition(!isServer, "a server's context connects to nobody")
        return try TLSTransport(over: transport, context: self, peerName: name)
    }

    private static func make(_ method: OpaquePointer?) -> OpaquePointer? {
        ERR_clear_error()
        guard let handle = SSL_CTX_new(method) else { return nil }
        let accepted =
            copenssl_set_min_version(handle, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(handle, ciphers) == 1
            && SSL_CTX_set_ciphersuites(handle, suites) == 1 && copenssl_set_groups(handle, groups) == 1
        guard accepted else {
            SSL_CTX_free(handle)
            return nil
        }
        // Peers often just hang up. That is no attack on SMTP, whose own dot tells where a message ends.
        SSL_CTX_set_options(
            handle, copenssl_op_no_compression | copenssl_op_no_renegotiation | copenssl_op_ignore_unexpected_eof)
        copenssl_set_modes(handle)
        copenssl_set_read_ahead(handle)  // One read a record instead of two.
        copenssl_set_session_cache_off(handle)  // Tickets keep sessions at the client's cost.
        // Without this OpenSSL would ask the terminal for an encrypted key's passphrase.
        SSL_CTX_set_default_passwd_cb(handle) { _, _, _, _ in -1 }
        return handle
    }

    /// Refuses a client that names the protocols it speaks, SMTP not among them: a browser led astray (CVE-2021-3618).
    private static let selectProtocol:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32 = { _, chosen, chosenCount, offered, offeredCount, _ in
            let wanted = Array("smtp".utf8)
            var index = 0
            while let offered, index < offeredCount {
                let count = Int(offered[index])
                guard index + 1 + count <= offeredCount else { break }
                if UnsafeBufferPointer(start: offered + index + 1, count: count).elementsEqual(wanted) {
                    chosen?.pointee = offered + index + 1
                    chosenCount?.pointee = UInt8(count)
                    return SSL_TLSEXT_ERR_OK
                }
                index += 1 + count
            }
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }

    private static func load(certificate: String, key: String, into handle: OpaquePointer) throws(TLSFileError) {
        try requireReadable(certificate)
        guard SSL_CTX_use_certificate_chain_file(handle, certificate) == 1 else {
            throw TLSFileError(file: certificate, reason: reason("no PEM certificate"))
        }
        try requireReadable(key)
        guard SSL_CTX_use_PrivateKey_file(handle, key, SSL_FILETYPE_PEM) == 1 else {
            // OpenSSL compares with the certificate as it loads; what it says then is not what an operator looks for.
            let reason = reason("no PEM private key")
            let mismatch = reason.contains("mismatch") || reason.contains("different")
            throw TLSFileError(file: key, reason: mismatch ? "the key does not belong to \(certificate)" : reason)
        }
        guard SSL_CTX_check_private_key(handle) == 1 else {
            _ = takeOpenSSLReason()
            throw TLSFileError(file: key, reason: "the key does not belong to \(certificate)")
        }
    }

    private static func load(_ authorities: Authorities, into handle: OpaquePointer) throws(TLSFileError) {
        switch authorities {
        case .anybody: SSL_CTX_set_verify(handle, SSL_VERIFY_NONE, nil)
        case .system:
            SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
            guard SSL_CTX_set_default_verify_paths(handle) == 1 else {
                throw TLSFileError(file: "the system's authorities", reason: reason("not available"))
            }
        case .file(let path):
            SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
            try requireReadable(path)
            guard SSL_CTX_load_verify_file(handle, path) == 1 else {
                throw TLSFileError(file: path, reason: reason("no PEM certificate"))
            }
            copenssl_heed_revocations(handle)
        }
    }

    /// The queue's reason, or plainer words for its most frequent ones.
    private static func reason(_ plain: String) -> String {
        switch takeOpenSSLReason() {
        case nil, "no start line", "unsupported", "PEM lib": plain
        case "bad password read", "problems getting password", "interrupted or cancelled":
            "the key is encrypted; Weir needs one without a passphrase"
        case .some(let reason): "\(plain): \(reason)"
        }
    }

    private static func requireReadable(_ path: String) throws(TLSFileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TLSFileError(file: path, reason: SystemError.text(errno)) }
        close(descriptor)
    }
}
