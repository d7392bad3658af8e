import WeirBase

/// The gateway at a glance, for a person with a browser: no script, no account's name.
enum StatusPage {
    static func response(_ status: Status) -> HTTPResponse {
        HTTPResponse(
            status: 200, contentType: "text/html; charset=utf-8", body: Array(page(status).utf8),
            fields: [
                HTTPResponse.Field(
                    name: "Content-Security-Policy", value: "default-src 'none'; style-src 'unsafe-inline'"),
                HTTPResponse.Field(name: "X-Frame-Options", value: "DENY"),
            ])
    }

    private static func page(_ status: Status) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="refresh" content="10">
        <title>\(escaped(status.hostname)) – weir</title>
        <style>\(style)</style>
        </head>
        <body>
        <h1>\(escaped(status.hostname))</h1>
        <p class="quiet">weir \(escaped(status.version)), up since \(status.startedAt.text)</p>
        \(alarms(status.alarms))
        <h2>Since the start</h2>
        \(table(["Messages accepted", "Recipients accepted", "deferred", "refused"], [traffic(status.traffic)]))
        <h2>Listeners</h2>
        \(table(["Name", "Address", "TLS", "State", "Sessions"], status.listeners.map(listener)))
        <h2>Relays</h2>
        \(table(["Name", "Address", "State", "Connections", "Trouble"], status.relays.map(relay)))
        <h2>Accounts</h2>
        \(table(["Known", "Active", "Suspended"], [accounts(status.accounts)]))
        <h2>Ledger</h2>
        \(table(["Commits", "Waiting", "Size", "Free on disk"], [ledger(status.ledger)]))
        </body>
        </html>

        """
    }

    private static func alarms(_ alarms: [String]) -> String {
        guard !alarms.isEmpty else { return "<p class=\"good\">All is well.</p>" }
        return alarms.map { "<p class=\"bad\">\(escaped($0))</p>" }.joined(separator: "\n")
    }

    private static func traffic(_ traffic: Status.Traffic) -> [String] {
        [traffic.messagesAccepted, traffic.recipientsAccepted, traffic.recipientsDeferred, traffic.recipientsRefused]
            .map { grouped($0) }
    }

    private static func listener(_ listener: Status.Listener) -> [String] {
        [
            escaped(listener.name), escaped(listener.address), escaped(listener.tls), state(listener.up),
            grouped(listener.sessions),
        ]
    }

    private static func relay(_ relay: Status.Relay) -> [String] {
        [
            escaped(relay.name), escaped(relay.address), state(relay.up),
            "\(grouped(relay.connections)) of \(grouped(relay.connectionsMax))", escaped(relay.trouble ?? ""),
        ]
    }

    private static func accounts(_ accounts: Status.Accounts) -> [String] {
        [grouped(accounts.known), grouped(accounts.tracked), grouped(accounts.suspended)]
    }

    private static func ledger(_ ledger: Status.Ledger) -> [String] {
        [
            grouped(ledger.commits), grouped(ledger.pending), "\(grouped(ledger.sizeBytes >> 10)) KiB",
            "\(grouped(ledger.freeBytes >> 20)) MiB",
        ]
    }

    private static func state(_ up: Bool) -> String {
        up ? "<span class=\"good\">up</span>" : "<span class=\"bad\">down</span>"
    }

    /// Cells are HTML already.
    private static func table(_ header: [String], _ rows: [[String]]) -> String {
        guard !rows.isEmpty else { return "<p class=\"quiet\">none</p>" }
        let body = rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined(separator: "\n")
        return "<table>\n<tr>" + header.map { "<th>\($0)</th>" }.joined() + "</tr>\n\(body)\n</table>"
    }

    /// Digits in groups of three, by thin spaces.
    private static func grouped(_ number: some BinaryInteger) -> String {
        var text = ""
        for (place, digit) in String(number.magnitude).reversed().enumerated() {
            if place > 0, place % 3 == 0 { text.append("\u{2009}") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
    }

    private static let style = """
        body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
        h1{font-size:1.5rem;margin:0}h2{font-size:1rem;margin:1.6rem 0 .3rem}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #d9dee5}th{font-weight:500;color:#5b6675}
        .quiet{color:#5b6675;margin:.2rem 0}.good{color:#12733b}.bad{color:#b3261e;font-weight:600}
        @media(prefers-color-scheme:dark){body{color:#dfe5ec;background:#14181d}th,.quiet{color:#93a0b0}
        th,td{border-color:#2b333d}.good{color:#5fd08d}.bad{color:#ff8a80}}
        """
}
