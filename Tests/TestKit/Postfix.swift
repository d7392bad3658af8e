import Foundation
import Glibc

/// A mail server whose deliveries end up as files, one a message.
package protocol MailServer: Sendable {
    var port: UInt16 { get }
    /// The messages delivered so far, as the server wrote them.
    func delivered() -> [[UInt8]]
    var deliveredCount: Int { get }
}

extension MailServer {
    /// The messages with `marker` in them, once there are `count`.
    package func delivered(with marker: String, count: Int = 1, within seconds: Double = 30) -> [[UInt8]] {
        let marker = Data(marker.utf8)
        var found: [[UInt8]] = []
        _ = eventually(within: seconds) {
            found = delivered().filter { Data($0).range(of: marker) != nil }
            return found.count >= count
        }
        return found
    }
}

/// A folder with a file for each message.
struct Maildir {
    let path: String

    var files: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/new")) ?? []
        return names.map { "\(path)/new/\($0)" }
    }

    var messages: [[UInt8]] { files.map { contents(of: $0) } }
}

/// A real Postfix with folders of its own, which delivers everything to one maildir.
package final class Postfix: MailServer {
    package let port: UInt16
    private let folder: TemporaryFolder
    private let master: Program

    /// A further port with settings of its own.
    package struct Service: Sendable {
        package let port: UInt16
        let options: [String]

        package init(port: UInt16 = Ports.free(), options: [String]) { (self.port, self.options) = (port, options) }
    }

    package init(settings: [String] = [], services: [Service] = []) throws {
        folder = try TemporaryFolder(isShared: true)
        port = Ports.free()
        for name in ["etc", "spool", "log"] { try folder.folder(name) }
        for name in ["data", "mail"] { try folder.folder(name, owner: "postfix") }
        let main = Postfix.main(folder.path) + settings
        try folder.write(main.joined(separator: "\n") + "\n", to: "etc/main.cf", permissions: 0o644)
        let inet = ([Service(port: port, options: [])] + services).map { service in
            "127.0.0.1:\(service.port) inet n - n - - smtpd "
                + service.options.map { "-o \($0)" }.joined(separator: " ")
        }
        let master = (inet + Postfix.services).joined(separator: "\n")
        try folder.write(master + "\n", to: "etc/master.cf", permissions: 0o644)
        self.master = try Program("postfix", ["-c", folder.file("etc"), "start-fg"], output: folder.file("log/start"))
        guard ([port] + services.map(\.port)).allSatisfy({ Ports.opens($0) }) else {
            throw Program.Failure(description: "Postfix did not start: \(log) \(text(of: folder.file("log/start")))")
        }
    }

    deinit {
        _ = try? Program.run("postfix", ["-c", folder.file("etc"), "stop"], seconds: 20)
        master.stop()
    }

    package var log: String { text(of: folder.file("log/mail.log")) }

    private var mail: Maildir { Maildir(path: folder.file("mail/all")) }
    package func delivered() -> [[UInt8]] { mail.messages }
    package var deliveredCount: Int { mail.files.count }

    private static func main(_ path: String) -> [String] {
        [
            "compatibility_level = 3.6", "queue_directory = \(path)/spool", "data_directory = \(path)/data",
            "command_directory = /usr/sbin", "daemon_directory = /usr/lib/postfix/sbin",
            "meta_directory = /etc/postfix",
            "shlib_directory = /usr/lib/postfix", "mail_owner = postfix", "setgid_group = postdrop",
            "maillog_file = \(path)/log/mail.log", "maillog_file_prefixes = \(path)", "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4", "myhostname = postfix.example", "mydestination =", "local_recipient_maps =",
            "alias_maps =", "alias_database =", "mynetworks = 127.0.0.0/8", "smtpd_peername_lookup = no",
            "smtp_dns_support_level = disabled", "smtpd_relay_restrictions = permit_mynetworks, reject",
            // No field is added or changed but what a relay adds: mail comes from a client, not from here.
            "local_header_rewrite_clients =", "virtual_mailbox_domains = static:all",
            "virtual_mailbox_base = \(path)/mail", "virtual_mailbox_maps = static:all/",
            "virtual_uid_maps = static:\(identifier("postfix"))", "virtual_gid_maps = static:\(identifier("postfix"))",
            "virtual_minimum_uid = 1", "virtual_mailbox_limit = 0", "message_size_limit = 60000000",
            "smtpd_client_connection_count_limit = 0", "in_flow_delay = 0",
        ]
    }

    private static let services = [
        "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
        "tlsmgr unix - - n 1000? 1 tlsmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
        "proxymap unix - - n - - proxymap", "proxywrite unix - - n - 1 proxymap", "smtp unix - - n - - smtp",
        "relay unix - - n - - smtp", "showq unix n - n - - showq", "error unix - - n - - error",
        "retry unix - - n - - error", "discard unix - - n - - discard", "virtual unix - n n - - virtual",
        "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd",
    ]
}

/// A user's number.
func identifier(_ user: String) -> UInt32 { getpwnam(user)?.pointee.pw_uid ?? 0 }
