internal import COpenSSL
internal import Glibc
import WeirBase

/// A key with a certificate that it signed itself: for the demonstration and for tests.
package struct SelfSignedCertificate: Sendable {
    /// PEM file of the certificate, which is also the authority to trust.
    package let certificate: String
    /// PEM file of the key, readable by its owner alone.
    package let key: String

    /// Makes a P-256 key and its certificate in `directory`, as `<name>.pem` and `<name>.key`.
    ///
    /// `names` are the certificate's subjectAltNames: host names, or numeric addresses. `validity` is in seconds from now.
    package static func make(
        names: [String], directory: String, file: String = "certificate", commonName: String = "Weir demonstration",
        validity: ClosedRange<Int> = -3600...(30 * 86_400)
    ) throws(TLSFileError) -> SelfSignedCertificate {
        let made = SelfSignedCertificate(certificate: "\(directory)/\(file).pem", key: "\(directory)/\(file).key")
        guard let key = copenssl_new_key(), let certificate = X509_new(), let output = BIO_new(BIO_s_mem()) else {
            throw TLSFileError(file: made.key, reason: takeOpenSSLReason() ?? "no memory")
        }
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
            BIO_free(output)
        }
        guard fill(certificate, names: names, commonName: commonName, validity: validity),
            X509_set_pubkey(certificate, key) == 1, X509_sign(certificate, key, EVP_sha256()) > 0,
            PEM_write_bio_PrivateKey(output, key, nil, nil, 0, nil, nil) == 1
        else { throw TLSFileError(file: made.certificate, reason: takeOpenSSLReason() ?? "not made") }
        try write(output, to: made.key, mode: 0o600)
        guard BIO_ctrl(output, BIO_CTRL_RESET, 0, nil) == 1, PEM_write_bio_X509(output, certificate) == 1 else {
            throw TLSFileError(file: made.certificate, reason: takeOpenSSLReason() ?? "not made")
        }
        try write(output, to: made.certificate, mode: 0o644)
        return made
    }

    private static func fill(
        _ certificate: OpaquePointer, names: [String], commonName: String, validity: ClosedRange<Int>
    ) -> Bool {
        let subject = X509_get_subject_name(certificate)
        let serial = Int(randomOctets(7).reduce(0) { $0 << 8 | UInt64($1) })
        return X509_set_version(certificate, 2) == 1
            && ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1
            && X509_gmtime_adj(X509_getm_notBefore(certificate), validity.lowerBound) != nil
            && X509_gmtime_adj(X509_getm_notAfter(certificate), validity.upperBound) != nil
            && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, commonName, -1, -1, 0) == 1
            && X509_set_issuer_name(certificate, subject) == 1
            && (names.isEmpty || addAlternativeNames(names, to: certificate))
    }

    private static func addAlternativeNames(_ names: [String], to certificate: OpaquePointer) -> Bool {
        let list = GENERAL_NAMES_new()
        defer { GENERAL_NAMES_free(list) }
        for name in names {
            let address = IPAddress(name)
            let octets = address.map(\.octets) ?? Array(name.utf8)
            guard copenssl_push_name(list, octets, Int32(octets.count), address == nil ? 0 : 1) == 1 else {
                return false
            }
        }
        return X509_add1_ext_i2d(certificate, NID_subject_alt_name, UnsafeMutableRawPointer(list), 0, 0) == 1
    }

    private static func write(_ contents: OpaquePointer, to file: String, mode: mode_t) throws(TLSFileError) {
        var data: UnsafeMutablePointer<CChar>?
        let count = copenssl_memory(contents, &data)
        unlink(file)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw TLSFileError(file: file, reason: SystemError.text(errno)) }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, data, count) == count else {
            throw TLSFileError(file: file, reason: SystemError.text(errno))
        }
    }
}
