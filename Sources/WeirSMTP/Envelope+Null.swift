extension Envelope {
    /// From nobody (`<>`) to one mailbox; nil where that is no mailbox, or not all ASCII.
    package init?(fromNobodyTo mailbox: String) {
        let mail = Array("MAIL FROM:<>".utf8)
        let recipient = Array("RCPT TO:<\(mailbox)>".utf8)
        guard case .mail(let sender)? = try? Command(mail.span), case .rcpt(let to)? = try? Command(recipient.span),
            to.path.isASCII, to.path.at != nil, to.path.mailbox.count == mailbox.utf8.count
        else { return nil }
        self.init(sender, from: mail.span)
        add(to, from: recipient.span)
    }
}
