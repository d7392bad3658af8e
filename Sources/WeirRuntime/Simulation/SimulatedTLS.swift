package import WeirBase

/// Stands in for TLS: one hello of fixed length each way, then octets pass as they are.
package final class SimulatedTLS: Transport, TransportObserver {
    /// Octets of a hello.
    package static let helloOctets = 64
    private static let hello: UInt8 = 0x16
    private static let alert: UInt8 = 0x15

    private let inner: Transport
    private let isServer: Bool
    /// Why this side refuses to agree; nil if it agrees.
    private let refusal: String?
    private var unsent: [UInt8] = []
    private var received: [UInt8] = []
    private var isSecure = false

    /// Puts the stand-in over a connected transport; with `refusal`, this side breaks the handshake off.
    package static func wrap(_ transport: Transport, server: Bool, refusal: String? = nil) -> Transport {
        SimulatedTLS(transport, isServer: server, refusal: refusal)
    }

    private init(_ inner: Transport, isServer: Bool, refusal: String?) {
        self.inner = inner
        self.isServer = isServer
        self.refusal = refusal
        super.init()
        inner.observer = self
        if !isServer { unsent = SimulatedTLS.message(SimulatedTLS.hello) }
    }

    package override var peer: SocketAddress { inner.peer }
    package override var local: SocketAddress { inner.local }

    package override var security: TLSDescription? {
        isSecure ? TLSDescription(version: "TLSv1.3", cipher: "SIMULATED") : nil
    }

    package override func handshake() -> ProgressResult {
        if !isServer, let blocked = sendUnsent() { return blocked }
        if received.count < SimulatedTLS.helloOctets {
            if let blocked = receiveHello() { return blocked }
            if isServer { unsent = SimulatedTLS.message(refusal == nil ? SimulatedTLS.hello : SimulatedTLS.alert) }
        }
        if isServer, let blocked = sendUnsent() { return blocked }
        if let refusal { return .failed(TransportFailure(reason: refusal)) }
        isSecure = true
        return .done
    }

    private static func message(_ kind: UInt8) -> [UInt8] {
        [kind] + [UInt8](repeating: 0, count: helloOctets - 1)
    }

    /// Nil once all is sent.
    private func sendUnsent() -> ProgressResult? {
        while !unsent.isEmpty {
            switch unsent.withUnsafeBytes({ inner.write($0) }) {
            case .octets(let count): unsent.removeFirst(count)
            case .wouldBlock: return .wouldBlock
            case .end: return .failed(TransportFailure(reason: "the peer closed during the handshake"))
            case .failed(let error): return .failed(TransportFailure(reason: error.description))
            }
        }
        return nil
    }

    /// Nil once the peer's hello is here, whole and friendly.
    private func receiveHello() -> ProgressResult? {
        while received.count < SimulatedTLS.helloOctets {
            var part = [UInt8](repeating: 0, count: SimulatedTLS.helloOctets - received.count)
            switch part.withUnsafeMutableBytes({ inner.read(into: $0) }) {
            case .octets(let count): received.append(contentsOf: part.prefix(count))
            case .wouldBlock: return .wouldBlock
            case .end: return .failed(TransportFailure(reason: "the peer closed during the handshake"))
            case .failed(let error): return .failed(TransportFailure(reason: error.description))
            }
            let kind = received.first
            guard kind == SimulatedTLS.hello || kind == SimulatedTLS.alert else {
                return .failed(TransportFailure(reason: "wrong version number"))
            }
        }
        guard received.first == SimulatedTLS.hello else {
            return .failed(TransportFailure(reason: "the peer refused the handshake"))
        }
        return nil
    }

    package override func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        inner.read(into: buffer)
    }
    package override func write(_ buffer: UnsafeRawBufferPointer) -> TransferResult { inner.write(buffer) }
    package override func close() { inner.close() }
    package override func reset() { inner.reset() }
    package func transportReady(_ readiness: Readiness) { observer?.transportReady(readiness) }
}
