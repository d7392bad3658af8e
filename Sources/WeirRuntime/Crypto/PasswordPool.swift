import Synchronization
import WeirBase

/// Checks passwords on a few threads of its own, for a check takes some 40 ms of a processor.
///
/// What waits is bounded and yields to the loops, so a flood of logins costs the flooders and nobody's mail. A password that was right is known again for a
/// minute after each use, by a keyed code of login, password and hash: a changed hash is a changed code. Called from any executor.
package final class PasswordPool: Sendable {
    package enum Verdict: Equatable, Sendable {
        case right, wrong
        /// Too many checks wait already; the client is asked to come back (454 4.7.0).
        case busy
    }

    /// Checks that may run and wait at once, all threads together; at the default cost two threads take 1.3 s for them.
    package static let waitingMax = 64
    /// How long a right password is remembered after its last use, in nanoseconds.
    package static let rememberedSpan = UInt64.minute
    /// How many right passwords are remembered at most.
    package static let rememberedMax = 65_536

    private let runtime: Runtime
    private let workers: [RuntimeExecutor]
    private let waitingMax: Int
    private let key = randomOctets(SHA256.octets)
    /// By worker: checks that run or wait.
    private let loads: Mutex<[Int]>
    private let memory = Mutex(Memory())

    /// Starts `threads` threads; one a processor is right.
    package init(runtime: Runtime, threads: Int, waitingMax: Int = PasswordPool.waitingMax) throws(SystemError) {
        self.runtime = runtime
        self.waitingMax = waitingMax
        var workers: [RuntimeExecutor] = []
        for index in 0..<max(1, threads) { workers.append(try runtime.makeWorker(name: "weir-password-\(index)")) }
        // What a simulation has instead of threads has no priority.
        for worker in workers where worker is WorkerThread { worker.post { System.lowerThreadPriority() } }
        self.workers = workers
        loads = Mutex([Int](repeating: 0, count: workers.count))
    }

    /// Ends the threads, after the checks that wait.
    package func stop() {
        for worker in workers { (worker as? WorkerThread)?.stop() }
    }

    /// Whether this password was right, or recalled, within ``rememberedSpan``; takes no time.
    package func remembers(login: [UInt8], password: [UInt8], against hash: PasswordHash) -> Bool {
        let code = code(login: login, password: password, hash: hash)
        return memory.withLock { $0.recall(code, now: runtime.now) }
    }

    /// What stands for a guess: another password is another guess, and so is the same one when the account's hash has changed.
    package func guess(login: [UInt8], password: [UInt8], against hash: PasswordHash?) -> UInt64 {
        code(login: login, password: password, hash: hash ?? .dummy)[0]
    }

    /// Checks a password; without a hash, for a login that does not exist or has no password, at the same cost and in vain.
    package func verify(login: [UInt8], password: [UInt8], against hash: PasswordHash?) async -> Verdict {
        let code = code(login: login, password: password, hash: hash ?? .dummy)
        if hash != nil, memory.withLock({ $0.recall(code, now: runtime.now) }) { return .right }
        guard let worker = takeWorker() else { return .busy }
        let isRight = await workers[worker].spawn { (hash ?? .dummy).verify(password) }.value
        loads.withLock { $0[worker] -= 1 }
        guard isRight, hash != nil else { return .wrong }
        memory.withLock { $0.insert(code, now: runtime.now) }
        return .right
    }

    /// The least loaded worker, charged with one check; nil if too many wait.
    private func takeWorker() -> Int? {
        loads.withLock { loads in
            guard loads.reduce(0, +) < waitingMax, let least = loads.indices.min(by: { loads[$0] < loads[$1] }) else {
                return nil
            }
            loads[least] += 1
            return least
        }
    }

    private func code(login: [UInt8], password: [UInt8], hash: PasswordHash) -> Code {
        var message = login + [0] + password + [0] + Array(hash.text.utf8)
        defer { cleanse(&message) }
        return HMACSHA256.code(message, key: key).withUnsafeBytes { $0.loadUnaligned(as: Code.self) }
    }
}

/// A SHA-256 code as one value that can be hashed without being copied to the heap.
private typealias Code = SIMD4<UInt64>

/// Codes of the last minute or two, in two generations, so that forgetting needs no search.
private struct Memory {
    private var young: [Code: Instant] = [:]
    private var old: [Code: Instant] = [:]
    private var turned = Instant(nanoseconds: 0)

    /// Whether the code is here; from now on it stays for the whole span again.
    mutating func recall(_ code: Code, now: Instant) -> Bool {
        guard let since = young[code] ?? old[code], now.since(since) < PasswordPool.rememberedSpan else { return false }
        insert(code, now: now)
        return true
    }

    mutating func insert(_ code: Code, now: Instant) {
        if young.count >= PasswordPool.rememberedMax / 2 || now.since(turned) >= PasswordPool.rememberedSpan {
            old = young
            young = [:]
            turned = now
        }
        young[code] = now
    }
}
