/// All that decisions share between accounts.
package struct Surroundings: Equatable, Sendable {
    package var climate = Climate()
    package var neighbourhood = Neighbourhood()

    package init() {}
}

extension Surroundings {
    /// Of the layout; a change of any field raises it.
    private static let version: UInt8 = 2
    /// The one before, which ends with the neighbourhood.
    private static let formerVersion: UInt8 = 1
    /// However many accounts there are.
    package static let encodedOctetsMax = 48 * 1024

    /// All of it in one piece, of ``encodedOctetsMax`` at most.
    package func encoded() -> [UInt8] {
        var blob = BlobWriter(version: Self.version)
        blob.put(climate)
        blob.put(neighbourhood)
        blob.put(climate.refusedInARow)
        return blob.finish()
    }

    /// What ``encoded()`` wrote, also in the former version; every later decision is the same as in what was encoded.
    package init(decoding octets: [UInt8]) throws(EvidenceError) {
        let isFormer = octets.first == Self.formerVersion
        var blob = try BlobReader(octets, version: isFormer ? Self.formerVersion : Self.version)
        climate = try blob.climate()
        neighbourhood = try blob.neighbourhood()
        if !isFormer { climate.refusedInARow = try blob.integer(UInt32.self) }
        try blob.finish()
    }
}
