import Foundation
import Glibc
import Synchronization

/// A directory that goes with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Values that one thread puts and a test takes, in order.
final class Inbox<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() { (stream, continuation) = AsyncStream<Value>.makeStream() }

    func put(_ value: Value) { continuation.yield(value) }

    func next() async -> Value? {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next()
    }
}

/// Runs the openssl program and returns all it said; its input stays open until `end` was said.
func openssl(_ arguments: [String], input: String = "", until end: String? = nil) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let stdin = Pipe()
    let output = Pipe()
    process.standardInput = stdin
    process.standardOutput = output
    process.standardError = output
    try process.run()
    // It may have ended already.
    signal(SIGPIPE, SIG_IGN)
    try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    if end == nil { try stdin.fileHandleForWriting.close() }
    var said = ""
    while case let data = output.fileHandleForReading.availableData, !data.isEmpty {
        said += String(decoding: data, as: UTF8.self)
        // Not SIGTERM: the child inherits the mask of whichever thread this is, which may block it.
        if let end, said.contains(end) { kill(process.processIdentifier, SIGKILL) }
    }
    process.waitUntilExit()
    return said
}
