import WeirAdmin

/// The verb about complaints.
enum ComplaintCommands {
    static let all = [importReports]

    private static let importReports = Command(
        words: ["complaint", "import"], arguments: ["FILE…"],
        summary: "trace reports of abuse (ARF, XARF) to accounts, and hold them against these",
        details: """
            Each FILE is one report; - is standard input. A report leads to an account by X-Weir-Account, or by the id in
            the Received field of this gateway. One reader's complaint of one message counts once, and of those whose
            message is not known one for an account. Ends with 65 where a report cannot be read, and with 67 where it
            leads to no account; the others are imported all the same.
            """,
        run: { invocation in
            let daemon = try invocation.installation.daemon()
            var reports: [ComplaintReport] = []
            var status: Int32 = 0
            for file in invocation.arguments {
                do throws(AdminError) {
                    let octets = try Input.octets(of: file, max: Complaint.octetsMax)
                    let report = try await daemon.complain(octets, by: Terminal.actor)
                    reports.append(report)
                    if invocation.has("json") { continue }
                    let account = report.account
                    let hint = report.counted ? ["see weir account show \(account)"] : []
                    let words = (report.counted ? ["counted"] : []) + (report.note.map { [$0] } ?? []) + hint
                    let line = "\(account): \(report.type) by \(report.reporter), \(words.joined(separator: "; "))"
                    invocation.terminal.line(Terminal.printable(line))
                } catch {
                    guard [.invalid, .badRequest, .contentTooLarge, .noSuchAccount].contains(error.kind) else {
                        throw error
                    }
                    invocation.terminal.note("weir: \(file): \(error.detail)")
                    status = max(status, error.kind.exitStatus)
                }
            }
            if invocation.has("json") { try invocation.terminal.json(reports) }
            if status != 0 { throw ExitStatus(code: status) }
        })
}
