import Testing
import WeirGateway

@Suite("Replies over HTTP")
struct HTTPReplyParserTests {
    /// What came of an input that arrives in pieces which end at `ends`, the connection closed behind it.
    private static func parse(_ input: [UInt8], endingAt ends: [Int], bodyOctetsMax: Int = 1_000) -> String {
        var parser = HTTPReplyParser(bodyOctetsMax: bodyOctetsMax)
        var start = 0
        for end in ends {
            let octets = Array(input[start..<end])
            do throws(HTTPMalformed) {
                start += try parser.receive(octets.span)
            } catch {
                return error.reason
            }
            if parser.isComplete { break }
        }
        guard parser.finish() else { return "incomplete" }
        let reply = parser.reply
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))\(reply.isCut ? " cut" : "")"
    }

    private static func tears(of count: Int) -> [[Int]] { (0...count).map { [$0, count] } + [Array(0...count)] }

    @Test(
        "are read alike however they are torn",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 hi"),
            ("HTTP/1.0 404 Not Found\r\n\r\ngone", "404 gone"), ("HTTP/1.1 204\r\nContent-Length: 9\r\n\r\n", "204 "),
            ("HTTP/1.1 200 \r\ncontent-length:\t 0 \r\n\r\n", "200 "),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 410 Gone\r\n\r\n", "410 "),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\nA;x=y\r\n there, yo\r\n0\r\n\r\n",
                "200 hi there, yo"
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: y\r\n\r\n", "200 x"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "200 hi"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", "incomplete"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhi", "incomplete"), ("", "incomplete"),
            ("HTTP/1.1 200 OK\r\nContent-Le", "incomplete"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "a Content-Length that is none"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi", "a Content-Length that is none"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\nhi", "a Content-Length that is none"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi", "a transfer coding of no use"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n", "a chunk longer than its size"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "a chunk without a size"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", "a chunk without end"),
            ("HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi", "a bare LF in a line"),
            ("HTTP/1.1 200 OK\r\n folded\r\n\r\n", "a line that is no field"),
            ("HTTP/1.1 200 OK\r\nno field\r\n\r\n", "a line that is no field"),
            ("HTTP/2 200\r\n\r\n......", "no HTTP"), ("220 mx.example ESMTP\r\n", "no HTTP"),
            ("HTTP/1.1 999 x\r\n\r\n", "no HTTP"),
            ("HTTP/1.1 101 Switch\r\n\r\n", "another protocol, which nobody asked for"),
        ])
    func reads(input: String, expected: String) {
        let input = Array(input.utf8)
        for ends in HTTPReplyParserTests.tears(of: input.count) {
            #expect(HTTPReplyParserTests.parse(input, endingAt: ends) == expected, "torn at \(ends)")
        }
    }

    @Test("keep within the bounds of body, line and fields")
    func bounds() {
        func parse(_ text: String, bodyOctetsMax: Int = 5) -> String {
            let input = Array(text.utf8)
            return HTTPReplyParserTests.parse(input, endingAt: [input.count], bodyOctetsMax: bodyOctetsMax)
        }
        let head = "HTTP/1.1 200 OK\r\n"
        #expect(parse(head + "Content-Length: 5\r\n\r\n12345") == "200 12345")
        #expect(parse(head + "Content-Length: 6\r\n\r\n123456") == "200 12345 cut")
        #expect(parse(head + "\r\n123456") == "200 12345 cut")
        #expect(parse(head + "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n") == "200 12345 cut")
        let line = HTTPReplyParser.lineOctetsMax
        #expect(parse(head + "x:" + String(repeating: "y", count: line - 2) + "\r\n\r\n") == "200 ")
        #expect(
            parse(head + "x:" + String(repeating: "y", count: line - 1) + "\r\n\r\n")
                == "a line of more than \(line) octets")
        let fields = String(repeating: "x: y\r\n", count: HTTPReplyParser.linesMax - 2)
        #expect(parse(head + fields + "\r\n") == "200 ")
        #expect(parse(head + fields + "x: y\r\n\r\n") == "too many fields")
    }
}
