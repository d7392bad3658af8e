import Foundation
import Glibc
import Synchronization

/// A name server on loopback with a table of answers: a thread for UDP, one for TCP on the same port.
final class NameServer: Sendable {
    struct Record: Sendable {
        var octets: [UInt8]  // 4 for an A record, 16 for AAAA.
        var seconds: UInt32 = 60
    }

    private let records: [String: [Record]]
    /// Names of which the first query of each kind is not answered.
    private let lossy: Set<String>
    /// Names whose answer is said to be too long for a datagram.
    private let long: Set<String>
    private let asked = Mutex<[String]>([])
    private let datagrams: Int32
    private let streams: Int32
    let port: UInt16

    init(_ records: [String: [Record]], lossy: Set<String> = [], long: Set<String> = []) throws {
        self.records = records
        self.lossy = lossy
        self.long = long
        (streams, port) = try NameServer.bound(Int32(SOCK_STREAM.rawValue), port: 0)
        (datagrams, _) = try NameServer.bound(Int32(SOCK_DGRAM.rawValue), port: port)
        listen(streams, 8)
        Thread.detachNewThread { [self] in serveDatagrams() }
        Thread.detachNewThread { [self] in serveStreams() }
    }

    var address: String { "127.0.0.1:\(port)" }

    /// How often a name was asked for, both kinds of address together.
    func count(_ name: String) -> Int { asked.withLock { $0.count { $0.hasPrefix(name + "/") } } }

    func stop() {
        // An empty datagram ends the one thread, a shut listener the other.
        var address = NameServer.loopback(port)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(datagrams, nil, 0, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        shutdown(streams, Int32(SHUT_RDWR))
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func bound(_ type: Int32, port: UInt16) throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, type, 0)
        var address = loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { throw POSIXError(.EADDRINUSE) }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private func serveDatagrams() {
        var query = [UInt8](repeating: 0, count: 2048)
        var peer = sockaddr_in()
        while true {
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(datagrams, &query, query.count, 0, $0, &length)
                }
            }
            guard count > 0 else { break }
            guard let answer = answer(Array(query[..<count]), datagram: true) else { continue }
            _ = withUnsafePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(datagrams, answer, answer.count, 0, $0, length)
                }
            }
        }
        close(datagrams)
    }

    private func serveStreams() {
        while case let connection = accept(streams, nil, nil), connection >= 0 {
            Thread.detachNewThread { [self] in
                var head: [UInt8] = [0, 0]
                while recv(connection, &head, 2, Int32(MSG_WAITALL)) == 2 {
                    var query = [UInt8](repeating: 0, count: Int(head[0]) << 8 | Int(head[1]))
                    guard recv(connection, &query, query.count, Int32(MSG_WAITALL)) == query.count,
                        let answer = answer(query, datagram: false)
                    else { break }
                    let framed = [UInt8(answer.count >> 8), UInt8(answer.count & 0xFF)] + answer
                    // In pieces, so that the reader has to put them together.
                    for start in stride(from: 0, to: framed.count, by: 700) {
                        let piece = framed[start..<min(start + 700, framed.count)]
                        _ = Array(piece).withUnsafeBytes { send(connection, $0.baseAddress, $0.count, 0) }
                    }
                }
                close(connection)
            }
        }
        close(streams)
    }

    private func answer(_ query: [UInt8], datagram: Bool) -> [UInt8]? {
        var labels: [String] = []
        var index = 12
        while index < query.count, case let count = Int(query[index]), count > 0 {
            labels.append(String(decoding: query[(index + 1)..<(index + 1 + count)], as: UTF8.self))
            index += 1 + count
        }
        let name = labels.joined(separator: ".")
        let type = query[index + 2]  // 1 is A, 28 is AAAA.
        let before = asked.withLock { asked in
            defer { asked.append("\(name)/\(type)") }
            return asked.count { $0 == "\(name)/\(type)" }
        }
        if lossy.contains(name), before == 0 { return nil }
        let wanted = type == 1 ? 4 : 16
        let isCut = datagram && long.contains(name)
        let found = isCut ? [] : (records[name] ?? []).filter { $0.octets.count == wanted }
        var answer = Array(query[..<2])
        answer += [isCut ? 0x83 : 0x81, records[name] == nil ? 0x83 : 0x80, 0, 1]
        answer += [UInt8(found.count >> 8), UInt8(found.count & 0xFF), 0, 0, 0, 0]
        answer += query[12..<(index + 5)]
        for record in found {
            answer += [0xC0, 12, 0, type, 0, 1]
            answer += (0..<4).map { UInt8(truncatingIfNeeded: record.seconds >> (24 - 8 * $0)) }
            answer += [0, UInt8(wanted)] + record.octets
        }
        return answer
    }
}
