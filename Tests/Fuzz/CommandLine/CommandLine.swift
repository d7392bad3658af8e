import WeirSMTP

/// Lines of a client, through framer, parser and dialogue, and on to a relay.
///
/// What was read and written once must be read again, and written the same way.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: count))
    var framer = LineFramer()
    var dialogue = ServerDialogue(
        .init(
            requiresAuthentication: false, offersAuthentication: true, offersTLS: true,
            allowsPlaintextAuthentication: true), isSecure: false)
    var start = 0
    while true {
        let rest = input.span.extracting(start..<input.count)
        switch framer.next(in: rest) {
        case .line(let length):
            drive(&dialogue, rest.extracting(0..<length))
            start += length + 2
        case .discard(let octets), .overlong(let octets): start += octets
        case .incomplete: return 0
        }
    }
}

private func drive(_ dialogue: inout ServerDialogue, _ line: Span<UInt8>) {
    let action: ServerDialogue.Action
    do throws(CommandError) {
        let command = try Command(line)
        while dialogue.mustWait(for: command) { _ = dialogue.settle(code: line.count % 2 == 0 ? 250 : 550) }
        action = dialogue.receive(command)
        check(command, line)
    } catch {
        action = dialogue.receive(error)
    }
    switch action {
    case .startTLS: dialogue.secure()
    case .authenticate(let mechanism, let response):
        var exchange = SASLExchange(mechanism)
        var step = exchange.begin(in: line, response: response)
        if case .challenge = step { step = exchange.receive(line) }
        if case .challenge = step { step = exchange.receive(line) }
        _ = dialogue.settleAuthentication(succeeded: line.count % 2 == 0)
    case .data:
        while dialogue.outstanding > 0 { _ = dialogue.settle(code: 250) }
        // The last refusal may have closed.
        if dialogue.accepted > 0, dialogue.beginData() == nil { dialogue.endData(delivered: true) }
    case .admitRecipient, .beginEnvelope, .close, .greet, .reply, .reset: break
    }
}

private func check(_ command: Command, _ line: Span<UInt8>) {
    guard let first = write(command, line) else { return }
    precondition(first.suffix(2) == [13, 10] && !first.dropLast(2).contains { $0 < 0x20 || $0 == 0x7F })
    let again = Array(first.dropLast(2))
    do throws(CommandError) {
        let command = try Command(again.span)
        precondition(write(command, again.span) == first, "What was written is written in another way.")
    } catch {
        preconditionFailure("What was written cannot be read: \(error)")
    }
}

private func write(_ command: Command, _ line: Span<UInt8>) -> [UInt8]? {
    var output: [UInt8] = []
    switch command {
    case .mail(let mail): mail.append(from: line, offering: Extensions(.passedOn), to: &output)
    case .rcpt(let recipient): recipient.append(from: line, offering: .passedOn, to: &output)
    default: return nil
    }
    return output
}
