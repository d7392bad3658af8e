import Synchronization

/// What the callbacks of one server share: who answers, and how many answers are in the making.
final class HTTPService: Sendable {
    let responder: any HTTPResponder
    private let executor: (any TaskExecutor)?
    private let state = Mutex(State())

    private struct State {
        var pending = 0
        var stopping = false
        var drained: CheckedContinuation<Void, Never>?
    }

    init(responder: any HTTPResponder, executor: (any TaskExecutor)?) {
        self.responder = responder
        self.executor = executor
    }

    /// Counts an answer as begun; false when the server is stopping.
    ///
    /// Two things are then to come, in any order: the task ends, and the answer was sent or its connection lost.
    func begin() -> Bool {
        state.withLock { state in
            guard !state.stopping else { return false }
            state.pending += 2
            return true
        }
    }

    /// Has the request answered in a task; `deliver` is called once, from it.
    func answer(_ request: HTTPRequest, deliver: @escaping @Sendable (HTTPResponse) -> Void) {
        Task(executorPreference: executor) { [self] in
            deliver(await responder.respond(to: request))
            end()
        }
    }

    /// One of the two things is done.
    func end() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.pending -= 1
            return state.pending == 0 ? state.drained.take() : nil
        }
        waiter?.resume()
    }

    /// Begins no more answers, and returns when the last one was sent.
    func drain() async {
        await withCheckedContinuation { continuation in
            let done = state.withLock { state in
                state.stopping = true
                if state.pending > 0 { state.drained = continuation }
                return state.pending == 0
            }
            if done { continuation.resume() }
        }
    }
}
