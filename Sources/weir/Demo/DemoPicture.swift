import WeirAdmin
import WeirBase

/// How things stand at one moment, drawn as lines.
struct DemoPicture {
    /// One account's line.
    struct Row {
        let member: DemoCast.Member
        let state: AccountState
        let messages: Int64
        let recipients: Int64
        let allowed: Int64
        let refused: Int
    }

    let elapsed: UInt64
    /// Nil: until somebody ends it.
    let length: UInt64?
    let rows: [Row]
    let relay: DemoRelay.Counts
    let commits: UInt64

    init(of stage: DemoStage, _ record: DemoRecord, length: UInt64?) async throws(AdminError) {
        var rows: [Row] = []
        for member in DemoCast.members {
            let account = try await stage.administration.account(member.login)
            let limit = account.limits.first { $0.name == "recipients-per-hour" }
            rows.append(
                Row(
                    member: member, state: account.state, messages: account.used("messages-per-hour") ?? 0,
                    recipients: limit?.used ?? 0, allowed: limit?.allowed ?? 0,
                    refused: max(record.refused(member.login), Int(account.used("refusals-per-hour") ?? 0))))
        }
        self.rows = rows
        self.length = length
        elapsed = record.elapsed
        relay = stage.relay.counts
        commits = try await stage.administration.status().ledger.commits
    }

    /// Recipients that the ledger has counted, of all accounts.
    var counted: Int64 { rows.reduce(0) { $0 + $1.recipients } }

    // MARK: - Drawing

    func header() -> DemoLine {
        var line = DemoLine(" weir demo ", .bold)
        line.add(" \(DemoPicture.seconds(elapsed)) s")
        if let length { line.add(" of \(length / .second) s") } else { line.add("   Ctrl-C ends it") }
        line.add("   a real gateway, ledger and relay on loopback", .dim)
        return line
    }

    func table(width: Int) -> [DemoLine] {
        let showsPart = width >= 112
        let bar = max(0, min(24, width - (showsPart ? 104 : 82)))
        var header = DemoLine()
        for (title, column) in columns(bar) {
            header.pad(to: column)
            header.add(title, .bold)
        }
        return [header] + rows.map { row($0, bar: bar, showsPart: showsPart) }
    }

    private func columns(_ bar: Int) -> [(title: String, column: Int)] {
        [
            ("ACCOUNT", 1), ("PLAN", 22), ("MESSAGES", 34), ("RECIPIENTS/HOUR", 44), ("REFUSED", 60 + bar),
            ("STATE", 70 + bar),
        ]
    }

    private func row(_ row: Row, bar: Int, showsPart: Bool) -> DemoLine {
        let isFull = row.allowed > 0 && row.recipients >= row.allowed
        var line = DemoLine(" ")
        line.add(row.member.login, row.state == .suspended ? .red : .plain)
        line.pad(to: 22)
        line.add(row.member.plan, .dim)
        line.pad(to: 34)
        line.add(DemoPicture.right(String(row.messages), 8))
        line.pad(to: 44)
        if bar > 0 {
            let filled = row.allowed > 0 ? Int(min(row.recipients, row.allowed)) * bar / Int(row.allowed) : 0
            line.add(String(repeating: "█", count: filled), isFull ? .yellow : .green)
            line.add(String(repeating: "·", count: bar - filled), .dim)
        }
        line.add(DemoPicture.right(String(row.recipients), 5), isFull ? .yellow : .plain)
        line.add(" of \(row.allowed)", .dim)
        line.pad(to: 60 + bar)
        line.add(DemoPicture.right(String(row.refused), 7), row.refused > 0 ? .yellow : .plain)
        line.pad(to: 70 + bar)
        line.add(row.state.rawValue, row.state == .suspended ? .red : .green)
        if showsPart {
            line.pad(to: 82 + bar)
            line.add(row.member.part, .dim)
        }
        return line
    }

    /// What the relay saw beside what the ledger counted.
    func facts() -> DemoLine {
        var line = DemoLine(" relay   ", .dim)
        line.add("took \(relay.messages) messages for \(relay.recipients) recipients, refused \(relay.refused)")
        line.add("   ledger   ", .dim)
        line.add("counted \(counted) in \(commits) commits")
        return line
    }

    /// An event, over as many lines as it takes.
    static func lines(of event: DemoEvent, width: Int) -> [DemoLine] {
        let style: DemoLine.Style =
            switch event.kind {
            case .delivered: .dim
            case .refused: .yellow
            case .suspended: .red
            case .notice: .cyan
            }
        let indent = 29
        return DemoLine.wrap(event.text, to: max(20, width - indent - 1)).enumerated().map { index, text in
            var line = DemoLine()
            if index == 0 {
                line.add(right(seconds(event.at), 6) + "  ", .dim)
                line.add(event.who)
            }
            line.pad(to: indent)
            line.add(text, style)
            return line
        }
    }

    /// Seconds with one digit behind the point.
    static func seconds(_ span: UInt64) -> String { "\(span / .second).\(span / (100 * .millisecond) % 10)" }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
