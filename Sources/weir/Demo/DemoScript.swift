import WeirBase
import WeirGateway
import WeirRuntime

/// What one sender does again and again until the curtain falls.
struct DemoScript: Sendable {
    /// One message.
    struct Letter: Sendable {
        let subject: String
        var recipients: [String]

        init(_ subject: String, to recipients: [String]) {
            self.subject = subject
            self.recipients = recipients
        }
    }

    let member: DemoCast.Member
    /// What its program calls itself.
    var machine = "subscriber.demo.example"
    /// Seconds from the beginning to the first message, at the usual pace.
    let begins: Double
    /// Seconds from one message to the next.
    let interval: Double
    /// Seconds it waits after a message of which nothing was taken.
    let patience: Double
    /// Its message by number, from 1 on.
    let letter: @Sendable (Int) -> Letter
}

/// A script being played, on one loop.
///
/// `@unchecked Sendable`: made by the director, then used by its own task alone; ``end()`` only calls the waiter, which is for any thread.
final class DemoSender: @unchecked Sendable {
    private let script: DemoScript
    private let door: DemoClient.Door
    private let runtime: Runtime
    private let loop: RuntimeExecutor
    private let record: DemoRecord
    private let waiter: Waiter
    /// Less than 1 for a short demonstration, so that everything still comes to pass.
    private let pace: Double
    private var client: DemoClient?

    init(_ script: DemoScript, _ door: DemoClient.Door, _ runtime: Runtime, _ record: DemoRecord, pace: Double) {
        self.script = script
        self.door = door
        self.runtime = runtime
        self.record = record
        self.pace = pace
        loop = runtime.loops[0]
        waiter = Waiter(on: loop)
    }

    /// Starts playing; the task ends after ``end()``.
    func start() -> Task<Void, Never> { loop.spawn { await self.play() } }

    func end() { waiter.interrupt() }

    private func play() async {
        await pause(script.begins)
        var number = 0
        // Those of the last message who were one too many: they get it in another.
        var rest: [String] = []
        while !waiter.isInterrupted {
            var letter = script.letter(number + 1)
            if rest.isEmpty { number += 1 } else { letter.recipients = rest }
            let outcome = await send(letter)
            rest = outcome?.refused.filter { $0.reply.text.hasPrefix("452 4.5.3") }.map(\.recipient) ?? []
            if !rest.isEmpty {
                await pause(0.5)
            } else {
                await pause(outcome?.taken == 0 ? script.patience : script.interval)
            }
        }
        client?.quit()
    }

    /// Sends over the session that is open, or over a new one; nil where there is none to be had.
    private func send(_ letter: DemoScript.Letter) async -> DemoClient.Outcome? {
        do throws(ConnectionError) {
            var session: DemoClient
            if let client {
                session = client
            } else {
                session = try await DemoClient(
                    door, named: script.machine, runtime, on: loop, waiter: waiter)
            }
            client = nil
            let outcome = try await session.send(
                from: script.member.login, to: letter.recipients, subject: letter.subject)
            record.note(outcome, of: script.member.login, letter.recipients.count)
            if outcome.isClosed { session.close() } else { client = session }
            return outcome
        } catch {
            client = nil
            if !waiter.isInterrupted { record.note(.notice, script.member.login, "session ended: \(error.reason)") }
            return nil
        }
    }

    private func pause(_ seconds: Double) async {
        let end = loop.now + UInt64(seconds * pace * 1_000_000_000)
        while !waiter.isInterrupted, loop.now < end { await waiter.wait(until: end) }
    }
}
