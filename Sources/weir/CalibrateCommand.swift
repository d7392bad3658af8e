import WeirAdmin

extension DetectorCommands {
    static let calibrate = Command(
        words: ["detector", "calibrate"],
        options: [.init(name: "plan", value: "PLAN", help: "only accounts that are on this plan now")],
        summary: "thresholds against suspensions a week, by the scores of the last 60 days",
        details: """
            Run plans with detector: shadow for a few weeks, then look at the curve before mail is touched. An account-day
            is one account that sent on one day. Thresholds are chosen on one half of the accounts (REACHED) and verified on
            the other (VERIFIED): both should be alike. BOUND is the chance of one more account-day to suspend, in
            thousandths: at most (k + 1) / (n + 1) where k of n reached the threshold. Accounts that an administrator
            suspended, or whose suspension one confirmed by weir account suspend, are left out: they were no mistake.
            """,
        run: { invocation in
            let report = try await invocation.installation.administration().calibration(plan: invocation["plan"])
            if invocation.has("json") { return try invocation.terminal.json(report) }
            CalibrationCurve(report: report, terminal: invocation.terminal).write()
        })
}

/// What `weir detector calibrate` prints.
struct CalibrationCurve {
    let report: CalibrationReport
    let terminal: Terminal

    func write() {
        let accountDays = report.chosenOn + report.verifiedOn
        guard accountDays > 0 else {
            return terminal.note(
                "No scores yet. They are stored once accounts whose plan has detector: shadow (or flag, suspend) send mail."
            )
        }
        terminal.note(
            "\(accountDays) account-days of \(report.accounts) accounts on \(report.days) days; "
                + "\(report.excluded) accounts left out as abused.")
        terminal.table(
            ["THRESHOLD", "FLAGS/WEEK", "SUSPENSIONS/WEEK", "REACHED", "BOUND/1000", "VERIFIED"],
            report.points.map(row))
        terminal.note("REACHED: of \(report.chosenOn) account-days; VERIFIED: of \(report.verifiedOn).")
        let aim = "\(OneDecimal(report.share * 1_000).text) suspensions in 1,000 account-days"
        if let suggested = report.suggested {
            terminal.note("At most \(aim) from a threshold of \(OneDecimal(suggested + 0.05).text) on.")
        } else {
            terminal.note(
                "Too little to promise at most \(aim): that takes \(report.needed) account-days in the half that "
                    + "thresholds are chosen on, and there are \(report.chosenOn).")
        }
        terminal.note("In force: \(OneDecimal(report.flag).text) flags, \(OneDecimal(report.suspend).text) suspends.")
    }

    private func row(_ point: CalibrationReport.Point) -> [String] {
        let mark = point.threshold == report.suspend ? " suspends" : point.threshold == report.flag ? " flags" : ""
        return [
            OneDecimal(point.threshold).text + mark, OneDecimal(point.flagsAWeek).text,
            OneDecimal(point.suspensionsAWeek).text, String(point.reached), OneDecimal(point.bound * 1_000).text,
            String(point.verified),
        ]
    }
}
