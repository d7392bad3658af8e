import WeirBase
import WeirConfiguration
import WeirRuntime
import WeirStore

/// Telling people and programs of what happens to accounts.
extension Gateway {
    /// How long a webhook has for one attempt, in nanoseconds.
    static let webhookTimeout: UInt64 = 15 * .second

    /// Begins to tell, with what an earlier start has left.
    package func startTelling() async {
        await adoptNotices()
        do throws(StoreError) {
            let kept = try await accounts.withStore { store throws(StoreError) in try store.notices() }
            for stored in kept {
                let channel = Notice.Channel(stored.channel)
                guard let event = AccountEvent(stored), herald.knows(channel) else {
                    try await accounts.withStore { store throws(StoreError) in
                        try store.forget(event: stored.event, channel: stored.channel)
                    }
                    continue
                }
                herald.tell([Notice(event: event, channel: channel)])
            }
        } catch {
            telemetry.log.error("notices unreadable", ["reason": .string("\(error)")])
        }
    }

    /// Takes the ways of the generation in force.
    func adoptNotices() async {
        await herald.adopt(Herald.Terms(generation)) { [self] notice, waiter in
            await deliver(notice, waiter)
        } forget: { [accounts, telemetry] notice in
            do throws(StoreError) {
                try await accounts.withStore { store throws(StoreError) in
                    try store.forget(event: notice.event.id, channel: notice.channel.description)
                }
            } catch {
                telemetry.log.error("notice not forgotten", ["reason": .string("\(error)")])
            }
        }
    }

    private func deliver(_ notice: Notice, _ waiter: Waiter) async -> NoticeOutcome {
        let generation = generation
        switch notice.channel {
        case .mail(let audience): return await mail(notice.event, to: audience, generation, waiter)
        case .webhook(let url):
            guard let access = generation.webhooks.first(where: { $0.webhook.url.description == url }) else {
                return .moot("the webhook is not configured any more")
            }
            return await post(notice.event, to: access, waiter)
        }
    }

    // MARK: - Webhooks

    private func post(_ event: AccountEvent, to access: WebhookAccess, _ waiter: Waiter) async -> NoticeOutcome {
        let request = WebhookRequest(event, keys: access.keys, at: runtime.wall)
        let loop = runtime.loops[0]
        let client = HTTPClient(runtime: runtime, wrap: access.wrap)
        do throws(HTTPError) {
            let reply = try await client.post(
                request.body, to: access.webhook.url, fields: request.fields, on: loop, waiter: waiter,
                until: loop.now + Gateway.webhookTimeout)
            switch reply.status {
            case 200...299: return .told
            case 410: return .gone
            default: return .failed("it answered \(reply.status)")
            }
        } catch {
            return .failed(error.description)
        }
    }

    // MARK: - Mail

    private func mail(
        _ event: AccountEvent, to audience: NoticeName.Audience, _ generation: Generation, _ waiter: Waiter
    ) async -> NoticeOutcome {
        let mark = event.warning.map { NoticeName.Mark(window: $0.window, percent: $0.percent) }
        let name = NoticeName(event.kind, mark: mark, for: audience)
        guard let settings = generation.configuration.notices, let template = generation.templates[name] else {
            return .moot("there is no template \(name)")
        }
        let recipient: String?
        switch audience {
        case .desk: recipient = settings.desk
        case .subscriber:
            do throws(StoreError) {
                recipient = try await accounts.withStore { store throws(StoreError) in
                    try store.account(event.account)?.mailbox
                }
            } catch {
                return .failed("the store: \(error)")
            }
        }
        guard let recipient else { return .moot("the account has no mail address") }
        let hostname = generation.configuration.hostname
        let message = NoticeMessage(
            template, facts(of: event, generation.configuration), from: settings.from, to: recipient,
            id: "\(event.id).\(audience.rawValue)@\(hostname)", at: runtime.wall)
        let courier = NoticeCourier(
            pool: pools[0], relays: generation.relays, waiter: waiter, timeouts: generation.timeouts)
        return await courier.send(message, to: recipient)
    }

    private func facts(of event: AccountEvent, _ configuration: Configuration) -> [NoticeFact: String] {
        var facts: [NoticeFact: String] = [
            .account: event.account, .hostname: configuration.hostname, .contact: configuration.contact,
            .time: LocalCalendar.text(of: event.at), .id: event.id, .author: event.author,
            .reason: event.reason ?? "none was given",
        ]
        facts[.machine] = event.machine
        if let warning = event.warning {
            facts[.limit] = warning.limit
            facts[.window] = warning.window
            facts[.percent] = "\(warning.percent)"
            facts[.used] = "\(warning.used)"
            facts[.allowed] = "\(warning.allowed)"
        }
        return facts
    }
}

extension AccountRecord {
    /// Where mail about the account goes: its own address, else the login where that is one.
    fileprivate var mailbox: String? { mail ?? (MailAddress.isPlain(login) ? login : nil) }
}

extension Herald.Terms {
    fileprivate init(_ generation: Generation) {
        self.init(
            templates: Set(generation.templates.keys), perAccount: generation.configuration.notices?.perAccount ?? 0,
            webhooks: generation.webhooks.map { ($0.webhook.url.description, $0.webhook.events) })
    }
}
