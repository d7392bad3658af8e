import Foundation
import Synchronization

/// A real rspamd with folders of its own, which asks nobody: no name server, no lists, no other machine.
///
/// It knows spam by GTUBE, and by a subject that says so.
package final class Rspamd: Sendable {
    package let port = Ports.free()
    private let folder: TemporaryFolder
    private let program = Mutex<Program?>(nil)

    /// GTUBE, which every scanner rejects.
    package static let gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    /// In a subject: spam that is marked, and not rejected.
    package static let marked = "almost spam"

    package init() throws {
        folder = try TemporaryFolder()
        for name in ["run", "db"] { try folder.folder(name) }
        // What top-level domains there are takes long to read, and says nothing here.
        try folder.write("example\n", to: "tld")
        try folder.write(Rspamd.rules, to: "rules.lua")
        try folder.write(configuration, to: "rspamd.conf")
        try start()
    }

    deinit { stop() }

    package func start() throws {
        let started = try Program("rspamd", ["-f", "-i", "-c", folder.file("rspamd.conf")], output: folder.file("log"))
        program.withLock { $0 = started }
        let isUp = eventually(within: 60) {
            let reply = try? Program.run("curl", ["-s", "http://127.0.0.1:\(port)/ping"])
            return reply?.output.hasPrefix("pong") == true || !started.isRunning
        }
        guard isUp, started.isRunning else {
            throw Program.Failure(description: "rspamd did not start: \(text(of: folder.file("log")))")
        }
    }

    /// Ends it, its workers too.
    package func stop() { program.withLock { $0.take() }?.kill() }

    private var configuration: String {
        """
        options {
          pidfile = "\(folder.path)/run/rspamd.pid"; rundir = "\(folder.path)/run"; tempdir = "\(folder.path)/run";
          dbdir = "\(folder.path)/db"; control_socket = "\(folder.path)/run/control"; hs_cache_dir = "\(folder.path)/db";
          url_tld = "\(folder.path)/tld"; filters = "";
          dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
        }
        logging { type = "console"; level = "info"; }
        worker "normal" { bind_socket = "127.0.0.1:\(port)"; count = 1; }
        actions { reject = 15; add_header = 6; }
        lua = "\(folder.path)/rules.lua";

        """
    }

    private static let rules = """
        rspamd_config:register_symbol({
          name = 'ALMOST_SPAM', type = 'normal', score = 9.0,
          callback = function(task)
            local subject = task:get_subject()
            return subject ~= nil and subject:find('\(marked)', 1, true) ~= nil
          end
        })

        """
}
