import Foundation
import Synchronization
import TestKit
import WeirBase
import WeirQuota
import WeirStore

/// A provider's accounts, and a day of their charges.
struct ProviderDay {
    enum Spread: String, CaseIterable {
        /// Every account sends as much as any other: the most counts to keep.
        case uniform
        case zipf
    }

    var known = 1_000_000
    /// How many of them send, each from an address of its own.
    var active = 100_000
    var charges = 10_000_000
    var spread = Spread.uniform

    private func login(_ number: Int) -> String { "user\(number)@isp.example" }
    private func address(_ number: Int) -> String {
        "127.\(1 + number >> 16).\(number >> 8 & 255).\(number & 255)"
    }

    /// The accounts as `weir account import` takes them, in files that are not too long for it.
    var files: [String] {
        let hash = "$y$j9T$abcdefghijklmnopqrstuv$abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
        return stride(from: 0, to: known, by: 250_000).map { first in
            var text = "login,plan,networks,password_hash\n"
            for number in first..<min(first + 250_000, known) {
                text += "\(login(number)),standard,\(number < active ? address(number) : ""),\(hash)\n"
            }
            return text
        }
    }

    /// Writes the charges of the day that ends now, with the upkeep that a daemon would have done.
    func writeLedger(in path: String) throws {
        let ledger = try LedgerStore(in: try StoreDirectory(path))
        for number in 0..<active { _ = try ledger.subject(.account, login(number)) }
        for number in 0..<1_000 { _ = try ledger.subject(.customer, "customer\(number)") }
        try ledger.append([])
        var random = Seeded(1)
        let end = Instant(nanoseconds: UInt64(Date().timeIntervalSince1970) * .second)
        let steps = Int(UInt64.day / Slot.span)
        for step in 0..<steps {
            let at = Instant(nanoseconds: end.nanoseconds - UInt64(steps - step) * Slot.span)
            try ledger.append((0..<charges / steps).map { _ in charge(at: at, &random) })
            while try ledger.maintain(now: at, budget: 20_000) {}
        }
    }

    private func charge(at: Instant, _ random: inout Seeded) -> JournalRow {
        let draw = Double(random.next() >> 11) / Double(1 << 53)
        let number =
            switch spread {
            case .uniform: Int(draw * Double(active))
            case .zipf: Int(pow(Double(active), draw)) - 1
            }
        return JournalRow(
            kind: .charge, at: at, slot: Slot(at), account: SubjectID(number: UInt32(min(number, active - 1) + 1)),
            customer: number % 3 == 0 ? SubjectID(number: UInt32(active + 1 + number % 1_000)) : nil,
            amount: Amount(
                messages: 1, recipients: Int64(random.next() % 4 + 1), octets: Int64(random.next() % 100_000)),
            message: random.next())
    }

    /// Sends one message from the address of every active account; returns how many were taken. `rest` is called now and then.
    func sendFromEach(to port: UInt16, threads: Int = 8, rest: @escaping @Sendable () -> Void = {}) -> Int {
        let next = Atomic(0)
        let taken = Atomic(0)
        let clients = (0..<threads).map { _ in
            Background {
                while true {
                    let number = next.add(1, ordering: .relaxed).oldValue
                    guard number < active else { return }
                    if number % 1_000 == 0 { rest() }
                    if (try? send(from: address(number), to: port)) == true { taken.add(1, ordering: .relaxed) }
                }
            }
        }
        for client in clients { client.join() }
        return taken.load(ordering: .relaxed)
    }

    private func send(from address: String, to port: UInt16) throws -> Bool {
        let socket = try Socket(connectedTo: port, from: address)
        func reply() throws -> Substring {
            while let line = try socket.line() {
                let text = String(decoding: line, as: UTF8.self)
                if text.dropFirst(3).first != "-" { return text.prefix(3) }
            }
            return ""
        }
        _ = try reply()
        try socket.send("HELO client.example\r\n")
        _ = try reply()
        try socket.send("MAIL FROM:<a@isp.example>\r\n")
        _ = try reply()
        try socket.send("RCPT TO:<b@example.org>\r\n")
        _ = try reply()
        try socket.send("DATA\r\n")
        guard try reply() == "354" else { return false }
        try socket.send("Subject: hello\r\n\r\nhello\r\n.\r\n")
        return try reply() == "250"
    }

    /// What a process has to itself, with its share of what it has with others, in octets.
    static func memory(of pid: Int32) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }
}
