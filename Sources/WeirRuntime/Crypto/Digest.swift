internal import COpenSSL

/// SHA-256.
///
/// Source: FIPS 180-4.
package enum SHA256 {
    package static let octets = 32

    package static func digest(_ message: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: octets)
        // Fails only without memory, and then OpenSSL has nothing else to offer either.
        precondition(EVP_Digest(message, message.count, &result, nil, EVP_sha256(), nil) == 1, "SHA-256 failed")
        return result
    }
}

/// HMAC with SHA-256.
///
/// Source: RFC 2104.
package enum HMACSHA256 {
    package static func code(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: SHA256.octets)
        var count: UInt32 = 0
        let made = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &result, &count)
        precondition(made != nil && Int(count) == SHA256.octets, "HMAC failed")
        return result
    }
}

/// Whether two secrets are the same, in a time that tells nothing about where they differ.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}

/// Unpredictable octets.
package func randomOctets(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        precondition(RAND_bytes(buffer.baseAddress, Int32(count)) == 1, "the system has no random numbers")
        initialized = count
    }
}

/// Overwrites a secret before its memory is given back.
package func cleanse(_ secret: inout [UInt8]) {
    secret.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    secret.removeAll()
}
