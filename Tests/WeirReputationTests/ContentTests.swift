import TestKit
import Testing
import WeirReputation

@Suite("A look at content")
struct ContentTests {
    private static let hash = KeyedHash(key: (1, 2))

    private static func facts(_ octets: [UInt8], pieces: Int = .max, seed: UInt64 = 0) -> ContentFacts {
        var examiner = ContentExaminer(hash: hash)
        var generator = Seeded(seed)
        var rest = octets[...]
        while !rest.isEmpty {
            let size = pieces == .max ? rest.count : 1 + Int(generator.next() % UInt64(pieces))
            let piece = Array(rest.prefix(size))
            examiner.consume(piece.span)
            rest = rest.dropFirst(size)
        }
        return examiner.finish()
    }

    private static func facts(_ text: String) -> ContentFacts { facts(Array(text.utf8)) }

    private static let body =
        """
        we are pleased to tell you that the spring concert takes place in the old town hall again\r
        please bring your friends and your neighbours along and do not forget to book your seats early\r
        since last year many of you had to stand at the back near the door where nothing could be heard\r
        https://tickets.concert.example.co.uk/spring?id=12 or write to us and we shall keep seats for you\r
        """

    private static func letter(_ greeting: String, _ body: String = body) -> String {
        "From: Club <office@club.example>\r\nSubject: spring concert\r\n\r\nDear \(greeting),\r\n\r\n\(body)\r\n"
    }

    private static func distance(_ left: ContentFacts, _ right: ContentFacts) -> Int {
        (left.fingerprint ^ right.fingerprint).nonzeroBitCount
    }

    @Test(
        "a letter to many, each greeted by name, is one text",
        arguments: ["Bob", "Ms Smith-Jones", "Zoë", "k12@a.example"])
    func personalised(name: String) {
        let distance = Self.distance(Self.facts(Self.letter(name)), Self.facts(Self.letter("Anna")))
        #expect(distance <= ContentFacts.sameTextBits)
    }

    @Test("other texts are other texts")
    func others() {
        let other = Self.facts(
            Self.letter(
                "Anna",
                "the invoice for the repair of your car is ready and you can fetch it from monday on in our workshop"))
        #expect(Self.distance(Self.facts(Self.letter("Anna")), other) > 2 * ContentFacts.sameTextBits)
        #expect(Self.facts("\r\n\r\n").fingerprint != Self.facts("\r\n\r\n\r\n").fingerprint)
    }

    @Test("links, domains, sender and kind are seen")
    func kinds() {
        let plain = Self.facts(Self.letter("Anna"))
        #expect(plain.links == 1)
        #expect(plain.linkDomains == [Self.hash("example.co.uk")])
        #expect(plain.headerFrom == Self.hash("office@club.example"))
        #expect(!plain.isHTML && !plain.hasAttachment && !plain.hasUnsubscribe)

        let html = Self.facts(
            "Content-Type: text/html\r\nList-Unsubscribe: <mailto:a@b.example>\r\n\r\n"
                + "<a href=\"http://user@www.shop.example/x\">http://other.example</a> http://WWW.Shop.Example.")
        #expect(html.links == 3)
        #expect(html.linkDomains == [Self.hash("shop.example"), Self.hash("other.example")])
        #expect(html.isHTML && html.hasUnsubscribe)
    }

    @Test("transfer encodings and parts change nothing of the text")
    func encodings() {
        let plain = Self.facts("Subject: s\r\n\r\n\(Self.body)")
        let quoted = Self.facts(
            "Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n"
                + "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                + Self.body.replacing("spring concert", with: "spr=\r\ning=20concert")
                + "\n--x\r\nContent-Type: application/pdf\r\n\r\nJVBERi0xLjQK\r\n--x--\r\n")
        #expect(Self.distance(plain, quoted) == 0)
        #expect(quoted.hasAttachment && !plain.hasAttachment)
        let base64 = Self.facts(
            "Subject: s\r\nContent-Transfer-Encoding: BASE64\r\n\r\n" + Self.base64(Array(Self.body.utf8)))
        #expect(Self.distance(plain, base64) == 0)
    }

    private static func base64(_ octets: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: octets.count, by: 3) {
            var word: UInt32 = 0
            for place in 0..<3 { word = word << 8 | UInt32(start + place < octets.count ? octets[start + place] : 0) }
            for shift in [18, 12, 6, 0] { text.append(alphabet[Int(word >> UInt32(shift) & 63)]) }
            if text.count % 76 == 0 { text += "\r\n" }
        }
        return text
    }

    @Test("any split of the octets gives the same", arguments: [1, 2, 7, 100])
    func splits(pieces: Int) {
        var generator = Seeded(3)
        for seed in 0..<40 as Range<UInt64> {
            let octets = Self.hostile(&generator)
            #expect(Self.facts(octets) == Self.facts(octets, pieces: pieces, seed: seed), "seed \(seed)")
        }
    }

    /// Pieces of mail in an order that no mail has.
    private static func hostile(_ generator: inout Seeded) -> [UInt8] {
        let pieces: [[UInt8]] =
            [
                "\r\n", "\r\n\r\n", "--", "content-", "Content-Type: multipart/a; boundary=b\r\n", "http://",
                "https://", "@", ".",
                "=", "=3", "<", ">", "\"", "Content-Transfer-Encoding: base64\r\n", "From: \"a\" <b@c>, d@e\r\n",
                "unsubscribe ",
                "Content-Transfer-Encoding: quoted-printable\r\n", "word and word and ", "text/html", "Subject: ", " ",
                "Q29u",
            ].map { Array($0.utf8) } + [[0xFF, 0xFE], [0], [0x80], Array(repeating: 0x61, count: 300)]
        return (0..<60).flatMap { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }
    }

    @Test("a header of ten megabytes, and a hundred thousand fields, are passed over in bounded memory")
    func bounds() {
        var examiner = ContentExaminer(hash: Self.hash)
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 64 * 1024)
        let (before, after) = (Array("From: ".utf8), Array("\r\n\r\nhttp://a.example ".utf8))
        examiner.consume(before.span)
        for _ in 0..<16 { examiner.consume(piece.span) }
        examiner.consume(after.span)
        let facts = examiner.finish()
        #expect(facts.headerFrom == nil)
        #expect(facts.links == 1)
        #expect(MemoryLayout<ContentExaminer>.size <= 1024)
    }

    @Test("after 64 KiB of body it only counts")
    func bodyBound() {
        let long = Self.letter("Anna") + String(repeating: "and so on and on ", count: 5_000)
        let more = long + String(repeating: " http://late.example ", count: 100)
        #expect(Self.facts(long).fingerprint == Self.facts(more).fingerprint)
        #expect(Self.facts(more).links == 1)
        #expect(Self.facts(more).octets == UInt64(more.utf8.count))
    }

    @Test("SipHash gives its authors' values")
    func sipHash() {
        let hash = KeyedHash(key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
        #expect(hash("") == 0x726F_DB47_DD0E_0E31)
        let octets = Array(0..<15 as Range<UInt8>)
        #expect(hash(octets.span) == 0xA129_CA61_49BE_45E5)
    }
}
