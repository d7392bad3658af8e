/// All that decisions share between accounts.
package struct Surroundings: Equatable, Sendable {
    package var climate = Climate()
    package var neighbourhood = Neighbourhood()

    package init() {}
}

extension Surroundings {
    /// Of the layout; a change of any field raises it.
    private static let version: UInt8 = 1
    /// However many accounts there are.
    package static let encodedOctetsMax = 48 * 1024

    /// All of it in one piece, of ``encodedOctetsMax`` at most.
    package func encoded() -> [UInt8] {
        var blob = BlobWriter(version: Self.version)
        blob.put(climate)
        blob.put(neighbourhood)
        return blob.finish()
    }

    /// What ``encoded()`` wrote; every later decision is the same as in what was encoded.
    package init(decoding octets: [UInt8]) throws(EvidenceError) {
        var blob = try BlobReader(octets, version: Self.version)
        climate = try blob.climate()
        neighbourhood = try blob.neighbourhood()
        try blob.finish()
    }
}
