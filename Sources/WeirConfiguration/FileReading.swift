import Glibc

/// Why a file could not be read.
struct FileFault: Error {
    var reason: String
    /// It is a folder, or something else that holds no octets.
    var isNoFile = false
}

/// Reads a regular file of at most `octetsMax` octets, whole.
func readFile(_ path: String, octetsMax: Int) throws(FileFault) -> [UInt8] {
    // Without O_NONBLOCK, opening a named pipe would wait for somebody to write into it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileFault(reason: reason(errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFault(reason: reason(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw FileFault(reason: "it is not a regular file", isNoFile: true)
    }

    var octets: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        let count = read(descriptor, &piece, piece.count)
        if count == 0 { return octets }
        if count < 0 {
            if errno == EINTR { continue }
            throw FileFault(reason: reason(errno))
        }
        octets += piece[..<count]
        guard octets.count <= octetsMax else { throw FileFault(reason: "it is larger than \(octetsMax) octets") }
    }
}

/// The files that match a pattern, in the order of their octets; none where nothing matches.
///
/// The pattern is taken within `directory`, whose own name is never read as a pattern.
func files(matching pattern: String, in directory: String) throws(FileFault) -> [String] {
    var escaped = ""
    for character in directory where !pattern.hasPrefix("/") {
        if "*?[\\".contains(character) { escaped.append("\\") }
        escaped.append(character)
    }
    var result = glob_t()
    defer { globfree(&result) }
    switch glob(escaped + pattern, 0, nil, &result) {
    case 0: break
    case GLOB_NOMATCH: return []
    default: throw FileFault(reason: "the pattern cannot be searched")
    }
    return (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// The directory of a path with its final slash, empty for the current one.
func directory(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
}

private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
