import WeirSMTP

/// A message's octets, whole and torn. The first octet of the input says how.
///
/// What goes to the relay must be lines that end in CRLF, none of them a lone dot.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: data, count: count))
    let message = Array(input.dropFirst())
    let bareNewline: MessageStream.BareNewline = input[0] & 1 == 0 ? .normalize : .reject
    let step = Int(input[0] >> 1) + 1
    let whole = pass(message, bareNewline, step: message.count)
    let torn = pass(message, bareNewline, step: step)
    precondition(whole.output == torn.output && whole.end == torn.end && whole.fault == torn.fault)
    if whole.end != nil, whole.fault == nil { check(whole.output) }
    return 0
}

private struct Passage {
    var output: [UInt8] = []
    var end: Int?
    var fault: MessageStream.Fault?
}

private func pass(_ message: [UInt8], _ bareNewline: MessageStream.BareNewline, step: Int) -> Passage {
    var stream = MessageStream(
        received: Array("Received: x\r\n".utf8), account: Array("X-Weir-Account: 1\r\n".utf8), bareNewline: bareNewline)
    var passage = Passage()
    var start = 0
    while start < message.count, passage.end == nil {
        let piece = message.span.extracting(start..<min(message.count, start + step))
        let progress = stream.consume(piece, into: &passage.output)
        precondition(progress.ended || progress.consumed == piece.count)
        start += progress.consumed
        if progress.ended { passage.end = start }
    }
    passage.fault = stream.fault
    // What is written of a faulty message depends on how much came before the fault in one piece.
    if passage.fault != nil { passage.output = [] }
    return passage
}

private func check(_ output: [UInt8]) {
    var lines = output.split(separator: 10, omittingEmptySubsequences: false)
    precondition(lines.popLast()?.isEmpty == true)
    var isHeader = true
    for (ordinal, line) in lines.enumerated() {
        precondition(line.last == 13 && !line.dropLast().contains(13) && !line.contains(0))
        precondition(line != [46, 13])
        if line == [13] { isHeader = false }
        let name = line.prefix(14).map { $0 | 0x20 }
        precondition(
            !isHeader || ordinal == 1 || !name.elementsEqual("x-weir-account".utf8)
                || line.count > 14
                    && line[line.startIndex + 14] > 0x20 && line[line.startIndex + 14] < 0x7F
                    && line[line.startIndex + 14] != 58
        )
    }
}
