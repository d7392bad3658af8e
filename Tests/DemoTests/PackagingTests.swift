import Foundation
import TestKit
import Testing

@Suite("The units for systemd")
struct PackagingTests {
    private static func unit(_ name: String) -> [String] {
        text(of: "\(repository)/Sources/Packaging/\(name)").split(separator: "\n").map(String.init)
    }

    /// What stands between a hole in the daemon and the machine.
    static let directives = [
        "Type=notify", "Restart=on-failure", "WatchdogSec=30", "User=weir", "StateDirectoryMode=0700",
        "RuntimeDirectoryMode=0750",
        "ConfigurationDirectoryMode=0750", "CapabilityBoundingSet=", "UMask=0077", "ProtectSystem=strict",
        "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateMounts=yes", "ProtectProc=invisible",
        "NoExecPaths=/",
        "NoNewPrivileges=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes", "ProtectClock=yes", "ProtectHostname=yes", "LockPersonality=yes",
        "RestrictRealtime=yes", "RestrictSUIDSGID=yes", "RestrictNamespaces=yes", "RemoveIPC=yes",
        "MemoryDenyWriteExecute=yes", "LimitCORE=0", "LimitNOFILE=524288", "OOMPolicy=stop",
        "Environment=SWIFT_BACKTRACE=enable=no", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallArchitectures=native", "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM",
    ]

    @Test("the service keeps every protection", arguments: directives)
    func hardening(directive: String) {
        #expect(PackagingTests.unit("weir.service").contains(directive))
    }

    @Test(
        "systemd takes both units, and rates the service's exposure at no more than 1.5",
        .enabled(if: Program.find("systemd-analyze") != nil, "systemd-analyze is not installed"))
    func verified() throws {
        let folder = try TemporaryFolder()
        let service = PackagingTests.unit("weir.service").joined(separator: "\n")
            .replacingOccurrences(of: "=/usr/bin/weir ", with: "=\(weir) ")
        let files = [
            try folder.write(service, to: "weir.service"),
            try folder.write(PackagingTests.unit("weir.socket").joined(separator: "\n"), to: "weir.socket"),
        ]
        let verification = try Program.run("systemd-analyze", ["verify"] + files)
        #expect(verification.status == 0, "\(verification.errors)")
        let ours = verification.errors.split(separator: "\n").filter { $0.contains("weir.") }
        #expect(ours == [])
        let security = try Program.run("systemd-analyze", ["security", "--offline=true", "--threshold=15", files[0]])
        #expect(security.status == 0, "\(security.output.suffix(200))")
    }

    @Test("the socket has the ports of the sample configuration's listeners that need root")
    func ports() {
        let ports = PackagingTests.unit("weir.socket").compactMap { line in
            line.wholeMatch(of: /ListenStream=0\.0\.0\.0:(\d+)/).map { String($0.1) }
        }
        let sample = text(of: "\(repository)/Policies/weir.yaml").matches(of: /\n    address: 0\.0\.0\.0:(\d+)/)
        #expect(ports.sorted() == sample.map { String($0.1) }.sorted())
        #expect(!ports.isEmpty)
    }
}
