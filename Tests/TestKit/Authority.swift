/// An authority that issues certificates for localhost, one of them good.
package struct Authority {
    package enum Flaw: String, CaseIterable, Sendable {
        case none
        case expired
        case notYetValid = "not yet valid"
        case otherName = "another name"
        case commonName = "no subjectAltName, only a common name"
        case nul = "a NUL behind the name"
        case selfSigned = "signed by itself"
        case foreign = "of an authority that nobody knows"
        case client = "for clients"
        case leaf = "signed by a certificate that is no authority"
        case revoked
    }

    private let folder: TemporaryFolder

    /// Makes the authority in a folder.
    package init(_ folder: TemporaryFolder) throws {
        self.folder = folder
        for name in ["ca", "elsewhere"] {
            try openssl([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj",
                "/CN=\(name)", "-keyout", "\(name).key", "-out", "\(name).pem", "-addext",
                "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            ])
        }
        try folder.write("", to: "index.txt")
        try folder.write(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=\(folder.file("index.txt"))\nnew_certs_dir=\(folder.path)\nrand_serial=yes\n"
                + "unique_subject=no\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n", to: "ca.cnf")
    }

    /// The file of the certificate that is to be trusted.
    package var file: String { folder.file("ca.pem") }

    /// The files of a certificate and its key, for a server at localhost.
    package func issue(_ flaw: Flaw) throws -> (certificate: String, key: String) {
        let name = "\(flaw)"
        try openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            flaw == .otherName ? "/CN=elsewhere.example" : "/CN=localhost", "-keyout", "\(name).key", "-out",
            "\(name).csr",
        ])
        try folder.write(extensions(flaw), to: "\(name).ext")
        if flaw == .leaf { _ = try issue(.none) }
        let signer =
            switch flaw {
            case .foreign: "elsewhere"
            case .leaf: "none"
            default: "ca"
            }
        let dates: (start: String, end: String) =
            switch flaw {
            case .expired: ("20200101000000Z", "20210101000000Z")
            case .notYetValid: ("20900101000000Z", "20910101000000Z")
            default: ("20250101000000Z", "20800101000000Z")
            }
        // `openssl ca` alone takes dates.
        try openssl(
            [
                "ca", "-batch", "-notext", "-config", "ca.cnf", "-in", "\(name).csr", "-out", "\(name).pem",
                "-startdate",
                dates.start, "-enddate", dates.end, "-extfile", "\(name).ext", "-preserveDN",
            ]
                + (flaw == .selfSigned
                    ? ["-selfsign", "-keyfile", "\(name).key"]
                    : ["-cert", "\(signer).pem", "-keyfile", "\(signer).key"]))
        if flaw == .revoked { try openssl(["ca", "-config", "ca.cnf", "-revoke", "\(name).pem"] + signature) }
        if flaw == .leaf {
            try folder.write(text(of: folder.file("leaf.pem")) + text(of: folder.file("none.pem")), to: "leaf.pem")
        }
        return (folder.file("\(name).pem"), folder.file("\(name).key"))
    }

    /// Who lists what the authority has revoked.
    package enum Lister: String, CaseIterable, Sendable {
        case authority = "the authority, today"
        case formerly = "the authority, until last year"
        case other = "another authority"
    }

    /// A file like ``file``, a list of what was revoked behind the certificate.
    package func file(listedBy lister: Lister) throws -> String {
        let signature = lister == .other ? ["-cert", "elsewhere.pem", "-keyfile", "elsewhere.key"] : signature
        let dates =
            lister == .formerly
            ? ["-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20250201000000Z"] : ["-crldays", "30"]
        try openssl(["ca", "-config", "ca.cnf", "-gencrl", "-out", "list.pem"] + signature + dates)
        return try folder.write(text(of: file) + text(of: folder.file("list.pem")), to: "\(lister).pem")
    }

    /// What `openssl ca` signs with.
    private var signature: [String] { ["-cert", "ca.pem", "-keyfile", "ca.key"] }

    private func extensions(_ flaw: Flaw) -> String {
        let names: String? =
            switch flaw {
            case .commonName: nil
            case .otherName: "subjectAltName=DNS:elsewhere.example"
            // A dNSName of "localhost", NUL, ".elsewhere.example".
            case .nul: "subjectAltName=DER:301e821c6c6f63616c686f7374002e656c736577686572652e6578616d706c65"
            default: "subjectAltName=DNS:localhost"
            }
        let usage = flaw == .client ? "extendedKeyUsage=clientAuth" : "extendedKeyUsage=serverAuth"
        return ([names, usage, "basicConstraints=CA:FALSE"].compactMap { $0 }).joined(separator: "\n") + "\n"
    }

    /// Files are those of the folder.
    private func openssl(_ arguments: [String]) throws {
        let files: Set<String> = ["-keyout", "-out", "-in", "-revoke", "-extfile", "-config", "-cert", "-keyfile"]
        var arguments = arguments
        for index in arguments.indices.dropFirst() where files.contains(arguments[index - 1]) {
            arguments[index] = folder.file(arguments[index])
        }
        let outcome = try Program.run("openssl", arguments)
        guard outcome.status == 0 else { throw Program.Failure(description: "openssl \(arguments): \(outcome.errors)") }
    }
}

extension Authority {
    /// Writes a key that belongs to no certificate.
    package static func key(_ file: String) throws {
        let outcome = try Program.run(
            "openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file])
        guard outcome.status == 0 else { throw Program.Failure(description: outcome.errors) }
    }
}
