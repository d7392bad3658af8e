internal import COpenSSL
internal import Glibc
package import WeirBase

/// TLS over another transport.
///
/// OpenSSL reads and writes through a BIO of our own that calls the inner transport, so the loop alone owns descriptors and an idle
/// connection holds no record buffer. Touched by its loop's thread alone, as every transport.
package final class TLSTransport: Transport, TransportObserver {
    private let inner: Transport
    private let context: TLSContext  // Keeps the SSL_CTX and the certificate's files' contents alive.
    private var ssl: OpaquePointer?
    private var isEstablished = false
    /// The end or failure that a read met after it had octets to return, or that ended everything.
    private var outcome: TransferResult?
    /// What the inner transport said last when it failed, which OpenSSL does not pass on.
    private var innerFailure: SystemError?
    /// False from an inner read that would block until the inner transport is readable: saves a system call.
    private var mayRead = true
    /// A read that waits for room to write, and the other way round.
    private var readWantsWrite = false
    private var writeWantsRead = false

    init(over inner: Transport, context: TLSContext, peerName: String?) throws(TransportFailure) {
        self.inner = inner
        self.context = context
        super.init()
        ERR_clear_error()
        guard let ssl = SSL_new(context.handle) else { throw TLSTransport.failure("no memory for TLS") }
        self.ssl = ssl
        guard let bio = TransportBIO.make(for: self) else { throw TLSTransport.failure("no memory for TLS") }
        SSL_set_bio(ssl, bio, bio)
        if context.isServer {
            SSL_set_accept_state(ssl)
        } else {
            SSL_set_connect_state(ssl)
            if let peerName { try expect(peerName, of: ssl) }
        }
        inner.observer = self
    }

    deinit { SSL_free(ssl) }

    /// Sends the name to the peer (SNI) and requires it of the certificate, if that is verified at all.
    private func expect(_ peerName: String, of ssl: OpaquePointer) throws(TransportFailure) {
        var name = peerName
        if name.utf8.last == UInt8(ascii: ".") { name.removeLast() }
        // A NUL would cut the name short in C: another name would be checked.
        guard !name.isEmpty, !name.utf8.contains(0) else { throw TransportFailure(reason: "not a host name") }
        if IPAddress(name) != nil {
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 else {
                throw TLSTransport.failure("not an address")
            }
            return
        }
        // subjectAltName alone: a common name is no host name (RFC 9525, section 2).
        SSL_set_hostflags(
            ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS) | UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        guard SSL_set1_host(ssl, name) == 1, copenssl_set_server_name(ssl, name) == 1 else {
            throw TLSTransport.failure("not a host name")
        }
    }

    private static func failure(_ fallback: String) -> TransportFailure {
        TransportFailure(reason: takeOpenSSLReason() ?? fallback)
    }

    package override var peer: SocketAddress { inner.peer }
    package override var local: SocketAddress { inner.local }

    package override var security: TLSDescription? {
        guard isEstablished, let ssl, let version = SSL_get_version(ssl),
            let cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))
        else { return nil }
        return TLSDescription(version: String(cString: version), cipher: String(cString: cipher))
    }

    // MARK: - Handshake

    package override func handshake() -> ProgressResult {
        guard let ssl, outcome == nil else { return .failed(TransportFailure(reason: "the connection has ended")) }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
            return .done
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        default:
            let failure = handshakeFailure(ssl)
            outcome = .failed(SystemError(call: "TLS handshake", errno: EPROTO))
            return .failed(failure)
        }
    }

    private func handshakeFailure(_ ssl: OpaquePointer) -> TransportFailure {
        let reason = takeOpenSSLReason()
        let verdict = SSL_get_verify_result(ssl)
        if context.verifiesPeer, verdict != Int(X509_V_OK), let words = X509_verify_cert_error_string(verdict) {
            return TransportFailure(reason: "the peer's certificate is refused: \(String(cString: words))")
        }
        if let innerFailure { return TransportFailure(reason: innerFailure.description) }
        return TransportFailure(reason: reason ?? "the peer closed during the handshake")
    }

    // MARK: - Octets

    package override func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        var total = 0
        // A record is at most 16 KiB: fill the buffer from all that have come.
        while total < buffer.count {
            let result = readRecord(into: UnsafeMutableRawBufferPointer(rebasing: buffer[total...]))
            guard case .octets(let count) = result else { return total > 0 ? .octets(total) : result }
            total += count
        }
        return total > 0 ? .octets(total) : .wouldBlock
    }

    private func readRecord(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        if let outcome { return outcome }
        guard mayRead, let ssl else { return .wouldBlock }
        var count = 0
        ERR_clear_error()
        guard SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count) != 1 else { return .octets(count) }
        switch SSL_get_error(ssl, 0) {
        case SSL_ERROR_WANT_READ: mayRead = false
        case SSL_ERROR_WANT_WRITE:
            mayRead = false
            readWantsWrite = true
        case SSL_ERROR_ZERO_RETURN: outcome = .end
        default: outcome = .failed(transferFailure("TLS read"))
        }
        return outcome ?? .wouldBlock
    }

    package override func write(_ buffer: UnsafeRawBufferPointer) -> TransferResult {
        if case .failed = outcome { return outcome ?? .end }
        guard let ssl else { return .end }
        var count = 0
        ERR_clear_error()
        guard SSL_write_ex(ssl, buffer.baseAddress, buffer.count, &count) != 1 else { return .octets(count) }
        switch SSL_get_error(ssl, 0) {
        case SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_WANT_READ:
            writeWantsRead = true
            return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .end
        default:
            let failure = TransferResult.failed(transferFailure("TLS write"))
            outcome = failure
            return failure
        }
    }

    private func transferFailure(_ call: String) -> SystemError {
        let reason = takeOpenSSLReason()
        if let innerFailure { return innerFailure }
        return SystemError(call: reason.map { "\(call) (\($0))" } ?? call, errno: EPROTO)
    }

    package func transportReady(_ readiness: Readiness) {
        var told = readiness
        if readiness.writable, readWantsWrite {
            readWantsWrite = false
            told.readable = true
        }
        if readiness.readable, writeWantsRead {
            writeWantsRead = false
            told.writable = true
        }
        if told.readable { mayRead = true }
        observer?.transportReady(told)
    }

    // MARK: - Closing

    /// Says close_notify if the inner transport takes it at once, and does not wait for the peer's.
    package override func close() {
        release(sayingFarewell: true)
        inner.close()
    }

    package override func reset() {
        release(sayingFarewell: false)
        inner.reset()
    }

    private func release(sayingFarewell: Bool) {
        guard let ssl else { return }
        // After a fatal error SSL_shutdown must not be called.
        var isBroken = false
        if case .failed = outcome { isBroken = true }
        if sayingFarewell, isEstablished, !isBroken {
            ERR_clear_error()
            _ = SSL_shutdown(ssl)
            ERR_clear_error()
        }
        SSL_free(ssl)
        self.ssl = nil
    }

    // MARK: - What the BIO calls

    /// Octets for OpenSSL; nil to try again later, 0 at the end, -1 after a failure.
    fileprivate func pull(_ buffer: UnsafeMutableRawBufferPointer) -> Int32? {
        number(inner.read(into: buffer))
    }

    fileprivate func push(_ buffer: UnsafeRawBufferPointer) -> Int32? {
        number(inner.write(buffer))
    }

    private func number(_ result: TransferResult) -> Int32? {
        switch result {
        case .octets(let count): return Int32(count)  // Never above the Int32 that OpenSSL asked for.
        case .wouldBlock: return nil
        case .end: return 0
        case .failed(let error):
            innerFailure = error
            return -1
        }
    }
}

/// OpenSSL's view of the inner transport.
private enum TransportBIO {
    /// Made once and never freed or changed, so it may be read from any thread.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir transport")
        BIO_meth_set_read(method, read)
        BIO_meth_set_write(method, write)
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }()

    /// The BIO belongs to the transport's SSL, which the transport frees: it never outlives it.
    static func make(for transport: TLSTransport) -> OpaquePointer? {
        guard let method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(transport).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    private static let retryFlags =
        BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

    private static func transport(of bio: OpaquePointer?) -> TLSTransport? {
        BIO_get_data(bio).map { Unmanaged<TLSTransport>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
        BIO_clear_flags($0, retryFlags)
        guard let transport = transport(of: $0), $2 > 0 else { return -1 }
        if let count = transport.pull(UnsafeMutableRawBufferPointer(start: $1, count: Int($2))) { return count }
        BIO_set_flags($0, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        return -1
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
        BIO_clear_flags($0, retryFlags)
        guard let transport = transport(of: $0), $2 > 0 else { return -1 }
        if let count = transport.push(UnsafeRawBufferPointer(start: $1, count: Int($2))) { return count }
        BIO_set_flags($0, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        return -1
    }
}
