import WeirAdmin
import WeirBase

/// What is printed about one account.
struct AccountReport {
    let account: Account
    let terminal: Terminal

    func write() {
        var login = account.hasPassword ? ["password"] : []
        if account.tokens > 0 { login.append(account.tokens == 1 ? "1 token" : "\(account.tokens) tokens") }
        let nothing = account.canSend ? "nothing" : "nothing, and cannot send"
        terminal.list([
            ("login", account.login), ("plan", account.plan), ("customer", account.customer ?? ""),
            ("state", account.state.rawValue), ("because", account.stateReason ?? ""),
            ("networks", account.networks.joined(separator: " ")), ("by range", account.range ?? ""),
            ("stopped machines", account.stoppedMachines.joined(separator: " ")),
            ("signs in by", login.isEmpty ? nothing : login.joined(separator: " and ")),
            ("mail", account.mail ?? ""), ("complaints", account.complaints == 0 ? "" : "\(account.complaints)"),
        ])
        if terminal.isInteractive {
            terminal.line("")
            terminal.table(
                ["LIMIT", "OF", "USED", "OPEN", "ALLOWED", "FREES AT", "OVERRIDE"], account.limits.map(row))
        } else {
            terminal.table([], account.limits.map { ["limit", $0.name] + row($0) })
        }
    }

    private func row(_ limit: LimitUsage) -> [String] {
        let override = limit.override.map { "\($0.why)" + ($0.until.map { ", until \($0.text)" } ?? "") }
        return [
            limit.text, limit.scope, String(limit.used), String(limit.reserved), String(limit.allowed),
            limit.freesAt?.text ?? "-", override ?? "",
        ]
    }
}
