/// A disk in memory that forgets what was not synced.
///
/// Sectors, sizes and directory entries become durable one by one: a file's content by ``sync(_:)``, names by
/// ``syncDirectory(_:)``, as POSIX has it and no file system promises less. ``crash(seed:)`` keeps a random part of
/// the rest. The same calls and seeds give the same octets. Owned by one thread.
package final class SimulatedDisk {
    package enum Failure: Error, Hashable, Sendable {
        case inputOutput, noSpace, notFound, powerLost
    }

    /// What goes wrong, and when: each counts down by one a call and strikes at 1.
    package struct Faults: Sendable {
        /// A sync that fails: its octets read back, but no later sync makes them durable (as in Linux).
        package var failingSync: Int?
        package var failingWrite: Int?
        /// A write that stores only half.
        package var shortWrite: Int?
        /// The change from which on the power is gone: every call fails.
        package var powerCut: Int?
        /// How many octets all files may have together.
        package var capacity = Int.max

        package init() {}
    }

    /// A file, whatever its name is by now.
    package struct FileID: Hashable, Sendable {
        fileprivate let number: Int
    }

    package static let sectorOctets = 512

    package var faults = Faults()
    /// Writes, syncs, renames and the like so far.
    package private(set) var changes = 0

    private final class Content {
        var live: [UInt8]
        var durable: [UInt8]
        /// Sectors whose live content a crash may lose.
        var dirty: Set<Int> = []

        init(_ octets: [UInt8] = []) {
            live = octets
            durable = octets
        }
    }

    private enum NameChange {
        case link(String, FileID)
        case unlink(String)
        case rename(from: String, to: String)

        /// The directory whose sync makes it durable.
        var directory: String {
            switch self {
            case .link(let path, _), .unlink(let path), .rename(_, let path): SimulatedDisk.directory(of: path)
            }
        }
    }

    private var contents: [FileID: Content] = [:]
    private var names: [String: FileID] = [:]
    private var durableNames: [String: FileID] = [:]
    private var nameChanges: [NameChange] = []
    private var used = 0
    private var generator: SplitMix64

    package init(seed: UInt64) { generator = SplitMix64(state: seed) }

    /// The next random number of this disk.
    package func random() -> UInt64 { generator.next() }
}

/// Names.
extension SimulatedDisk {
    package func exists(_ path: String) -> Bool { names[path] != nil }

    /// The paths below a directory, in order.
    package func list(_ directory: String) -> [String] {
        names.keys.filter { Self.directory(of: $0) == directory }.sorted()
    }

    /// Opens a file, or makes it where `creating`.
    package func open(_ path: String, creating: Bool) throws(Failure) -> FileID {
        if let file = names[path] { return file }
        guard creating else { throw .notFound }
        try change()
        let file = FileID(number: contents.count)
        contents[file] = Content()
        apply(.link(path, file), to: &names)
        nameChanges.append(.link(path, file))
        return file
    }

    package func unlink(_ path: String) throws(Failure) {
        guard let file = names[path] else { throw .notFound }
        try change()
        used -= contents[file]?.live.count ?? 0
        apply(.unlink(path), to: &names)
        nameChanges.append(.unlink(path))
    }

    /// Gives a file another name, and drops what had that name.
    package func rename(_ path: String, to target: String) throws(Failure) {
        guard names[path] != nil else { throw .notFound }
        try change()
        if let old = names[target] { used -= contents[old]?.live.count ?? 0 }
        apply(.rename(from: path, to: target), to: &names)
        nameChanges.append(.rename(from: path, to: target))
    }

    /// Makes all changes of names in a directory durable.
    package func syncDirectory(_ directory: String) throws(Failure) {
        try change()
        guard !strikes(\.failingSync) else { throw .inputOutput }
        for change in nameChanges where change.directory == directory { apply(change, to: &durableNames) }
        nameChanges.removeAll { $0.directory == directory }
    }

    private func apply(_ change: NameChange, to names: inout [String: FileID]) {
        switch change {
        case .link(let path, let file): names[path] = file
        case .unlink(let path): names[path] = nil
        case .rename(let path, let target):
            guard let file = names.removeValue(forKey: path) else { return }
            names[target] = file
        }
    }

    /// What stands before the last slash.
    package static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}

/// Content.
extension SimulatedDisk {
    package func size(_ file: FileID) throws(Failure) -> Int { try content(file).live.count }

    /// Reads what is there into `buffer`; returns how many octets that were.
    package func read(_ file: FileID, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    {
        guard !isPowerLost else { throw .powerLost }
        let content = try content(file)
        guard offset >= 0, offset < content.live.count else { return 0 }
        let count = min(buffer.count, content.live.count - offset)
        content.live.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
        }
        return count
    }

    /// Writes as much as fits; returns how many octets that were, fewer than asked for only under a fault.
    package func write(_ file: FileID, at offset: Int, from buffer: UnsafeRawBufferPointer) throws(Failure) -> Int {
        try change()
        guard !strikes(\.failingWrite) else { throw .inputOutput }
        let content = try content(file)
        let growth = max(0, offset + buffer.count - content.live.count)
        var count = buffer.count - max(0, growth - max(0, faults.capacity - used))
        if strikes(\.shortWrite) { count = min(count, max(1, buffer.count / 2)) }
        guard count > 0 || buffer.isEmpty else { throw .noSpace }
        let end = offset + count
        if end > content.live.count { resize(content, to: end) }
        content.live.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[offset..<end]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        if count > 0 { content.dirty.formUnion(offset / Self.sectorOctets...(end - 1) / Self.sectorOctets) }
        return count
    }

    package func truncate(_ file: FileID, to size: Int) throws(Failure) {
        try change()
        let content = try content(file)
        if size > content.live.count, size - content.live.count > faults.capacity - used { throw .noSpace }
        resize(content, to: size)
    }

    /// Makes a file's content durable, not its name.
    package func sync(_ file: FileID) throws(Failure) {
        try change()
        let content = try content(file)
        defer { content.dirty = [] }
        guard !strikes(\.failingSync) else { throw .inputOutput }
        Self.copy(content.dirty, of: content.live, to: &content.durable, size: content.live.count)
    }

    private func content(_ file: FileID) throws(Failure) -> Content {
        guard let content = contents[file] else { throw .notFound }
        return content
    }

    /// Cuts, or extends with zeros; every sector that differs from before is dirty.
    private func resize(_ content: Content, to size: Int) {
        let old = content.live.count
        used += size - old
        Self.resize(&content.live, to: size)
        if size != old {
            content.dirty.formUnion(min(old, size) / Self.sectorOctets...(max(old, size) - 1) / Self.sectorOctets)
        }
    }

    private static func copy(_ sectors: Set<Int>, of source: [UInt8], to target: inout [UInt8], size: Int) {
        resize(&target, to: size)
        target.withUnsafeMutableBytes { target in
            source.withUnsafeBytes { source in
                for sector in sectors {
                    let start = sector * sectorOctets
                    let end = min(start + sectorOctets, target.count, source.count)
                    guard start < end else { continue }
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<end])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<end]))
                }
            }
        }
    }

    private static func resize(_ octets: inout [UInt8], to size: Int) {
        if size < octets.count {
            octets.removeLast(octets.count - size)
        } else {
            octets += [UInt8](repeating: 0, count: size - octets.count)
        }
    }
}

/// Faults and the power cut.
extension SimulatedDisk {
    package var isPowerLost: Bool { faults.powerCut.map { $0 <= 0 } ?? false }

    /// Counts a change, unless the power is gone or goes with it.
    private func change() throws(Failure) {
        guard !isPowerLost else { throw .powerLost }
        if let left = faults.powerCut {
            faults.powerCut = left - 1
            if left <= 1 { throw .powerLost }
        }
        changes += 1
    }

    private func strikes(_ fault: WritableKeyPath<Faults, Int?>) -> Bool {
        guard let left = faults[keyPath: fault] else { return false }
        faults[keyPath: fault] = left > 1 ? left - 1 : nil
        return left == 1
    }

    /// The disk as it comes back after a power cut: all that was synced, and some of what was not.
    package func crash(seed: UInt64) -> SimulatedDisk {
        let survivor = SimulatedDisk(seed: seed)
        var names = durableNames
        for change in nameChanges where survivor.coin() { apply(change, to: &names) }
        for (path, file) in names.sorted(by: { $0.key < $1.key }) {
            guard let content = contents[file] else { continue }
            survivor.names[path] = file
            let octets = survivor.survivingOctets(of: content)
            survivor.contents[file] = Content(octets)
            survivor.used += octets.count
        }
        // Numbers of files are never used again.
        for number in 0..<contents.count where survivor.contents[FileID(number: number)] == nil {
            survivor.contents[FileID(number: number)] = Content()
        }
        survivor.durableNames = survivor.names
        return survivor
    }

    private func survivingOctets(of content: Content) -> [UInt8] {
        var octets = content.durable
        let kept = Set(content.dirty.sorted().filter { _ in coin() })
        let sizes = [content.durable.count, content.live.count, between(content.durable.count, content.live.count)]
        Self.copy(kept, of: content.live, to: &octets, size: sizes[Int(random() % 3)])
        return octets
    }

    /// Some size between two, at a sector's end.
    private func between(_ one: Int, _ other: Int) -> Int {
        let low = min(one, other)
        let sectors = (max(one, other) - low) / Self.sectorOctets
        let size = low + Int(random() % UInt64(sectors + 1)) * Self.sectorOctets
        return max(low, size / Self.sectorOctets * Self.sectorOctets)
    }

    private func coin() -> Bool { random() & 1 == 1 }

    /// What a file holds now, for tests to look at and to damage.
    package func octets(of path: String) -> [UInt8]? { names[path].flatMap { contents[$0]?.live } }
}

/// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014).
private struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
