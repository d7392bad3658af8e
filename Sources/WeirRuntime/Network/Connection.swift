package import WeirBase

/// Why an exchange with a peer ended.
package enum ConnectionError: Error, Equatable, Sendable {
    /// The peer has closed in order.
    case closed
    /// The connection broke.
    case broken(SystemError)
    /// The deadline passed.
    case timedOut
    /// The session was asked to end.
    case interrupted
    /// It could not be made or secured.
    case failed(TransportFailure)
}

/// A transport with its buffers, as a session uses it: what came is looked at in `input`, what goes is appended to `output`.
///
/// Reading and writing never wait; ``receive(until:)`` and ``flush(until:)`` do, in the session's one ``Waiter``. While a task waits,
/// an empty buffer is back in the executor's pool, so an idle connection holds none.
package final class Connection: TransportObserver {
    package private(set) var transport: Transport
    package let executor: RuntimeExecutor
    /// Who is woken when something may be read or written; nil in the pool.
    package var waiter: Waiter?
    /// Called instead of waking when nobody waits: an idle connection heard something.
    package var onIdleEvent: (() -> Void)?
    /// What waits to be written, from `outputStart` on.
    package var output: [UInt8] = []
    private var outputStart = 0

    private var storage: [UInt8] = []
    private var inputStart = 0
    private var inputEnd = 0
    private var mayRead = true
    private var mayWrite = true
    private var wantsToWrite = false
    private var isEnding = false
    package private(set) var isClosed = false

    package init(_ transport: Transport, on executor: RuntimeExecutor, waiter: Waiter? = nil) {
        self.transport = transport
        self.executor = executor
        self.waiter = waiter
        transport.observer = self
    }

    // MARK: - Input

    /// The octets that have come and were not consumed, as a range of ``withInput``'s span.
    package var inputCount: Int { inputEnd - inputStart }

    /// Lends what has come and was not consumed.
    package func withInput<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let held = storage
        return body(held.span.extracting(inputStart..<inputEnd))
    }

    package func consume(_ count: Int) {
        precondition(count <= inputEnd - inputStart, "consumed what has not come")
        inputStart += count
        if inputStart == inputEnd {
            inputStart = 0
            inputEnd = 0
        }
    }

    /// What a look for more input found.
    package enum Fill: Equatable {
        case more, nothing, end
        case failed(SystemError)
        /// ``BufferPool/octets`` have come and none were consumed.
        case full
    }

    /// Reads what is there, without waiting.
    package func fill() -> Fill {
        guard !isClosed else { return .end }
        guard mayRead else { return .nothing }
        makeRoom()
        guard inputEnd < storage.count else { return .full }
        let room = storage.count - inputEnd
        let result = storage.withUnsafeMutableBytes { bytes in
            transport.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[inputEnd...]))
        }
        switch result {
        case .octets(let count):
            inputEnd += count
            if count < room, transport.shortReadsDrain, !isEnding { mayRead = false }
            return .more
        case .wouldBlock:
            mayRead = false
            return .nothing
        case .end: return .end
        case .failed(let error): return .failed(error)
        }
    }

    /// Waits until more has come than is here now.
    package func receive(until deadline: Instant) async throws(ConnectionError) {
        while true {
            switch fill() {
            case .more: return
            case .end: throw .closed
            case .failed(let error): throw .broken(error)
            case .full: preconditionFailure("the caller consumes before the buffer is full")
            case .nothing: try await wait(until: deadline)
            }
        }
    }

    private func makeRoom() {
        if storage.count < BufferPool.octets {
            var large = executor.buffers.takeInput()
            for index in 0..<inputCount { large[index] = storage[inputStart + index] }
            storage = large
        } else if inputStart > 0, inputEnd == storage.count {
            storage.withUnsafeMutableBytes { bytes in
                bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[inputStart..<inputEnd]))
            }
        } else {
            return
        }
        inputEnd = inputCount
        inputStart = 0
    }

    /// Gives buffers back before a wait: a part of a line is kept in an array of its own size.
    private func relinquish() {
        if storage.count == BufferPool.octets, inputCount <= 4096 {
            let rest = inputCount == 0 ? [] : [UInt8](storage[inputStart..<inputEnd])
            executor.buffers.giveInput(storage)
            storage = rest
            inputStart = 0
            inputEnd = rest.count
        }
        if output.isEmpty, output.capacity > 0 {
            executor.buffers.giveOutput(output)
            output = []
        }
    }

    // MARK: - Output

    /// Octets that wait to be written.
    package var outputCount: Int { output.count - outputStart }

    /// What an attempt to write came to.
    package enum Flush: Equatable {
        case done, blocked
        case failed(SystemError)
    }

    /// Writes what the peer takes now, without waiting.
    package func flushNow() -> Flush {
        guard !isClosed else { return .failed(SystemError(call: "send", errno: 32)) }
        while outputStart < output.count {
            guard mayWrite else { return .blocked }
            let result = output.withUnsafeBytes {
                transport.write(UnsafeRawBufferPointer(rebasing: $0[outputStart...]))
            }
            switch result {
            case .octets(let count): outputStart += count
            case .wouldBlock:
                mayWrite = false
                wantsToWrite = true
            case .end: return .failed(SystemError(call: "send", errno: 32))
            case .failed(let error): return .failed(error)
            }
        }
        output.removeAll(keepingCapacity: true)
        outputStart = 0
        return .done
    }

    /// Writes everything, waiting for the peer to take it.
    package func flush(until deadline: Instant) async throws(ConnectionError) {
        while true {
            switch flushNow() {
            case .done: return
            case .failed(let error): throw .broken(error)
            case .blocked: try await wait(until: deadline)
            }
        }
    }

    /// Takes a pooled buffer if `output` has none.
    package func prepareOutput() {
        if output.capacity == 0 { output = executor.buffers.takeOutput() }
    }

    // MARK: - Waiting, securing, closing

    /// One wait, for anything that may have changed here or elsewhere.
    package func wait(until deadline: Instant) async throws(ConnectionError) {
        guard let waiter else { preconditionFailure("nobody waits on a connection in the pool") }
        if waiter.isInterrupted { throw .interrupted }
        guard executor.now < deadline else { throw .timedOut }
        relinquish()
        await waiter.wait(until: deadline)
    }

    /// Waits until an outgoing connection stands.
    package func finishConnect(until deadline: Instant) async throws(ConnectionError) {
        mayWrite = false
        try await progress(until: deadline) { transport in transport.finishConnect() }
    }

    /// Puts TLS (or its stand-in) over the transport and completes the handshake.
    ///
    /// Fails if octets from before are still here: whoever injected them would speak as the peer. A server that wants
    /// to answer such a client looks at ``inputCount`` first.
    package func secure(
        until deadline: Instant, _ wrap: (Transport) throws(TransportFailure) -> Transport
    ) async throws(ConnectionError) {
        guard inputCount == 0 else { throw .failed(TransportFailure(reason: "octets in clear came before TLS")) }
        do {
            transport = try wrap(transport)
        } catch {
            throw .failed(error)
        }
        transport.observer = self
        try await progress(until: deadline) { transport in transport.handshake() }
        mayRead = true
        mayWrite = true
    }

    private func progress(
        until deadline: Instant, _ step: (Transport) -> ProgressResult
    ) async throws(ConnectionError) {
        while true {
            switch step(transport) {
            case .done:
                mayWrite = true
                return
            case .failed(let failure): throw .failed(failure)
            case .wouldBlock:
                wantsToWrite = true
                try await wait(until: deadline)
            }
        }
    }

    package func transportReady(_ readiness: Readiness) {
        if readiness.readable { mayRead = true }
        if readiness.ending { isEnding = true }
        if readiness.writable { mayWrite = true }
        guard readiness.readable || wantsToWrite else { return }
        wantsToWrite = false
        if let waiter { waiter.signal() } else if readiness.readable { onIdleEvent?() }
    }

    /// Closes; what was written still goes out.
    package func close() { end { $0.close() } }

    /// Closes and resets: the peer sees an error.
    package func reset() { end { $0.reset() } }

    private func end(_ how: (Transport) -> Void) {
        guard !isClosed else { return }
        isClosed = true
        how(transport)
        relinquish()
        if storage.count == BufferPool.octets { executor.buffers.giveInput(storage) }
        storage = []
        inputStart = 0
        inputEnd = 0
        output = []
        outputStart = 0
        waiter = nil
        onIdleEvent = nil
    }
}
