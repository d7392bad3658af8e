import Foundation
import Glibc

/// A real Exim with folders of its own, which delivers everything to one maildir.
///
/// Debian's package cannot stand beside Postfix, so `Tests/run` unpacks it into a folder.
package final class Exim: MailServer {
    package let port: UInt16
    private let folder: TemporaryFolder
    private let daemon: Program

    private static let binary = "/var/cache/weir-tests/exim/usr/sbin/exim4"
    /// The user that Debian's build runs as, and the one that keeps its files here.
    private static let user = "Debian-exim"

    /// `settings` are lines of its main section.
    package init(settings: [String] = []) throws {
        guard Program.find(Exim.binary) != nil else {
            throw Program.Failure(description: "Exim is not unpacked: bash Tests/run does it")
        }
        folder = try TemporaryFolder(isShared: true)
        port = Ports.free()
        for name in ["spool", "log", "mail"] { try folder.folder(name, owner: Exim.user) }
        let lines = settings.map { $0 + "\n" }.joined() + Exim.configuration(folder.path, port: port)
        let configuration = try folder.write(lines, to: "exim.conf", permissions: 0o644)
        daemon = try Program(Exim.binary, ["-C", configuration, "-bdf", "-q30m"], output: folder.file("log/start"))
        guard Ports.opens(port) else {
            throw Program.Failure(description: "Exim did not start: \(text(of: folder.file("log/start")))")
        }
    }

    deinit { daemon.stop() }

    private var mail: Maildir { Maildir(path: folder.file("mail/all")) }
    package func delivered() -> [[UInt8]] { mail.messages }
    package var deliveredCount: Int { mail.files.count }

    private static func configuration(_ path: String, port: UInt16) -> String {
        """
        exim_path = \(binary)
        primary_hostname = exim.example
        spool_directory = \(path)/spool
        log_file_path = \(path)/log/%slog
        pid_file_path = \(path)/exim.pid
        local_interfaces = 127.0.0.1
        daemon_smtp_ports = \(port)
        smtp_accept_max = 200
        smtp_accept_max_per_connection = 0
        smtp_accept_queue_per_connection = 0
        smtp_accept_queue = 0
        host_lookup =
        rfc1413_query_timeout = 0s
        disable_ipv6 = true
        prdr_enable = false
        chunking_advertise_hosts =
        tls_advertise_hosts =
        accept_8bitmime = true
        message_size_limit = 60M
        keep_environment =
        acl_smtp_rcpt = accept
        acl_smtp_data = accept
        begin acl
        accept:
          accept
        begin routers
        all:
          driver = accept
          transport = maildir
        begin transports
        maildir:
          driver = appendfile
          directory = \(path)/mail/all
          maildir_format
          create_directory
          return_path_add
          user = \(user)
          group = \(user)
        begin retry
        * * F,1h,1m

        """
    }
}
