import WeirSMTP

/// Replies of a relay, whole and octet by octet, forwarded and read as an answer to EHLO.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: count))
    precondition(read(input, step: count) == read(input, step: 1), "Torn input gives other replies.")
    return 0
}

/// What a client is sent, and whether the relay was found to speak no SMTP.
private func read(_ input: [UInt8], step: Int) -> [UInt8] {
    var parser = ReplyParser()
    var output: [UInt8] = []
    var (start, end) = (0, 0)
    while end <= input.count {
        let octets = input.span.extracting(start..<end)
        switch parser.next(in: octets) {
        case .malformed: return output + [0]
        case .incomplete where end == input.count: return output
        case .incomplete: end = min(input.count, end + max(step, 1))
        case .reply(let reply):
            precondition(reply.length <= octets.count)
            let before = output.count
            reply.appendForwarded(from: octets, to: &output)
            precondition(output.count > before && output.suffix(2) == [13, 10])
            precondition(output[before...].allSatisfy { 0x20..<0x7F ~= $0 || $0 == 10 || $0 == 13 })
            precondition(reply.logText(from: octets, octetsMax: 64).utf8.count <= 64)
            _ = Extensions(reply, in: octets)
            start += reply.length
        }
    }
    return output
}
