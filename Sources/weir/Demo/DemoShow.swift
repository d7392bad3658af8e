import WeirAdmin
import WeirBase
import WeirRuntime

/// The demonstration from the first message to the last word: on a terminal a picture, elsewhere a line for each event.
struct DemoShow {
    private let stage: DemoStage
    private let record: DemoRecord
    private let length: UInt64?
    private let senders: [DemoSender]
    private let watch: DemoWatch
    private let isDrawn = DemoScreen.isPossible

    /// A demonstration of so many nanoseconds shows everything at its usual pace; a shorter one is played faster.
    private static let usualLength: Double = 20e9

    init(_ stage: DemoStage, _ clock: AnchoredClock, length: UInt64?) {
        let record = DemoRecord(clock)
        let pace = min(1, length.map { Double($0) / DemoShow.usualLength } ?? 1)
        self.stage = stage
        self.record = record
        self.length = length
        senders = DemoCast.scripts.map {
            DemoSender($0, stage.door(of: $0.member), stage.world, record, pace: pace)
        }
        watch = DemoWatch(stage, record)
    }

    /// Plays until the time is over, somebody interrupts, or nobody reads any more; then ends the stage.
    func run(until isInterrupted: () -> Bool) async {
        let tasks = senders.map { $0.start() } + [watch.start()]
        let screen = DemoScreen()
        if isDrawn { screen.open() } else { tellHints() }
        var told = 0
        var goesOn = true
        while goesOn, !isInterrupted(), record.elapsed < length ?? .max {
            goesOn = isDrawn ? await draw(on: screen) : tellEvents(from: &told)
            try? await Task.sleep(for: .milliseconds(isDrawn ? 150 : 50))
        }
        for sender in senders { sender.end() }
        watch.end()
        for task in tasks { await task.value }
        if isDrawn { screen.close() } else { _ = tellEvents(from: &told) }
        let last = try? await DemoPicture(of: stage, record, length: length)
        await stage.stop()
        stage.folder.remove()
        if let last { tellEnd(last) }
    }

    // MARK: - While it runs

    private func draw(on screen: DemoScreen) async -> Bool {
        guard let picture = try? await DemoPicture(of: stage, record, length: length) else { return true }
        return screen.draw(picture, record.latest(40), hints)
    }

    private func tellEvents(from index: inout Int) -> Bool {
        let (events, next) = record.events(from: index)
        index = next
        return events.allSatisfy { event in
            DemoOutput.write("\(DemoPicture.seconds(event.at))\t\(event.who)\t\(event.text)\n")
        }
    }

    private func tellHints() {
        for hint in hints { DemoOutput.write(hint.text(width: .max, colour: false) + "\n") }
    }

    /// What a second terminal can do meanwhile.
    private var hints: [DemoLine] {
        let you = DemoCast.you
        let weir = CommandLine.arguments[0]
        var hints = [DemoLine(" MEANWHILE, IN ANOTHER TERMINAL", .bold)]
        let login = "-au \(you.login) -ap \(you.password ?? "")"
        hints.append(DemoLine("  swaks -s \(stage.submission) -tls \(login) -t dan@example.net"))
        hints.append(DemoLine("  export WEIR_SOCKET=\(stage.socket)"))
        hints.append(DemoLine("  \(weir) why \(DemoCast.bob.login)"))
        hints.append(DemoLine("  \(weir) status"))
        if let port = stage.daemon.port { hints.append(DemoLine("  curl http://127.0.0.1:\(port)/metrics")) }
        return hints
    }

    // MARK: - The last word

    private func tellEnd(_ picture: DemoPicture) {
        let columns = isDrawn ? DemoScreen.size.columns : .max
        let colour = isDrawn && DemoScreen.usesColour
        var lines: [DemoLine] = isDrawn ? picture.table(width: columns) + [DemoLine()] : []
        lines.append(DemoLine("What was shown in \(DemoPicture.seconds(picture.elapsed)) s", .bold))
        lines += DemoLine.wrap(agreement(picture), to: min(columns, 120) - 2).map { DemoLine("  \($0)") }
        for event in record.firsts { lines += DemoPicture.lines(of: event, width: min(columns, 120)) }
        lines.append(DemoLine("Nothing is left of it: its processes, ports and files are gone.", .dim))
        lines.append(DemoLine("What to try next", .bold))
        let weir = CommandLine.arguments[0]
        let next = [
            ("demo", "until Ctrl-C, to send through it yourself"), ("help", "every verb"),
            ("help weir.yaml", "every key of the configuration"),
        ]
        for (verb, what) in next {
            var line = DemoLine("  \(weir) \(verb)")
            line.add("   \(what)", .dim)
            lines.append(line)
        }
        for line in lines where !DemoOutput.line(line, width: columns, colour: colour) { return }
    }

    /// Whether the ledger counted what the relay took.
    private func agreement(_ picture: DemoPicture) -> String {
        let relay = picture.relay
        let equal = Int64(relay.recipients) == picture.counted
        return "\(relay.messages) messages for \(relay.recipients) recipients reached the relay; the ledger counted "
            + "\(picture.counted)\(equal ? ", the same" : ""), each one durable before the relay had it."
    }
}
