package import WeirBase

/// A list of accounts from a billing system: every row of a CSV file, or every fault in it.
///
/// Source: RFC 4180, with LF accepted as the end of a line, and a leading byte order mark.
package struct AccountFile: Hashable, Sendable {
    package struct Row: Hashable, Sendable {
        /// The line that the row begins on, from 1.
        package var line: Int
        package var login: String
        package var plan: String
        package var customer: String?
        package var networks: [IPNetwork]
        /// A libcrypt string, or `{SHA256}` and the 64 hexadecimal digits of a random token's digest.
        package var passwordHash: String?
        package var mail: String?

        package init(
            line: Int, login: String, plan: String, customer: String? = nil, networks: [IPNetwork] = [],
            passwordHash: String? = nil, mail: String? = nil
        ) {
            self.line = line
            self.login = login
            self.plan = plan
            self.customer = customer
            self.networks = networks
            self.passwordHash = passwordHash
            self.mail = mail
        }
    }

    package static let octetsMax = 64 << 20
    /// So many faults are named; what is beyond them is not looked at.
    package static let faultsMax = 100

    /// The rows that are in order, and what is wrong with the others: at most ``faultsMax``.
    package let rows: [Row]
    package let faults: [AdminError.Detail]
    /// The file as it was read, to be sent on.
    package let octets: [UInt8]

    /// Reads a whole file; throws where it is too long, or has no header that tells what its rows mean.
    package init(_ octets: [UInt8]) throws(AdminError) {
        guard octets.count <= AccountFile.octetsMax else {
            throw AdminError(.contentTooLarge, "A file may hold at most 64 MiB.")
        }
        var reader = CSVReader(octets)
        guard let header = reader.next() else { throw .lines([.init(line: 1, detail: "is empty")]) }
        let columns = try Columns(header)
        var rows: [Row] = []
        var faults: [AdminError.Detail] = []
        var lines: [String: Int] = [:]
        while faults.count < AccountFile.faultsMax, let record = reader.next() {
            if record.fields == [""] && record.fault == nil { continue }
            do throws(RowFault) {
                let row = try columns.row(record)
                let earlier = lines.updateValue(row.line, forKey: AccountFile.folded(row.login))
                if let earlier {
                    throw RowFault(detail: "\(row.login) is already on line \(earlier)")
                }
                rows.append(row)
            } catch {
                faults.append(AdminError.Detail(line: record.line, detail: error.detail))
            }
        }
        self.rows = rows
        self.faults = faults
        self.octets = octets
    }

    /// ASCII letters in lower case, as logins are compared.
    private static func folded(_ login: String) -> String {
        String(decoding: login.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}

extension AdminError {
    /// A file was refused for these faults, which are told in the order of its lines.
    static func lines(_ faults: [Detail]) -> AdminError {
        let told = faults.sorted { ($0.line ?? 0) < ($1.line ?? 0) }.prefix(AccountFile.faultsMax)
        let count = Set(told.map(\.line)).count
        let lines = count == 1 ? "1 line is" : "\(count)\(told.count < faults.count ? " lines or more" : " lines") are"
        return AdminError(.invalid, "\(lines) wrong; nothing was imported.", errors: Array(told))
    }
}

/// What is wrong with a row.
private struct RowFault: Error {
    var detail: String
}

/// Which column holds what, by the header line.
private struct Columns {
    private enum Name: String, CaseIterable {
        case login, plan, customer, networks
        case passwordHash = "password_hash"
        case mail
    }

    private let count: Int
    private let login: Int, plan: Int
    /// Nil for a column that is left out.
    private let customer: Int?, networks: Int?, passwordHash: Int?, mail: Int?

    init(_ header: CSVReader.Record) throws(AdminError) {
        func refuse(_ detail: String) -> AdminError {
            AdminError(
                .invalid, "The header line is wrong; nothing was imported.",
                errors: [AdminError.Detail(line: 1, detail: detail)])
        }
        if let fault = header.fault { throw refuse(fault) }
        let known = Name.allCases.map(\.rawValue)
        let names = header.fields.map { String(decoding: $0.utf8.filter { $0 != 0x20 }, as: UTF8.self) }
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw refuse("column \"\(unknown)\" is none of \(known.joined(separator: ", "))")
        }
        guard Set(names).count == names.count else { throw refuse("a column is named twice") }
        func place(_ name: Name) -> Int? { names.firstIndex(of: name.rawValue) }
        guard let login = place(.login), let plan = place(.plan) else {
            throw refuse("the columns login and plan are required")
        }
        count = names.count
        (self.login, self.plan) = (login, plan)
        (customer, networks) = (place(.customer), place(.networks))
        (passwordHash, mail) = (place(.passwordHash), place(.mail))
    }

    func row(_ record: CSVReader.Record) throws(RowFault) -> AccountFile.Row {
        if let fault = record.fault { throw RowFault(detail: fault) }
        guard record.fields.count == count else {
            throw RowFault(
                detail:
                    "\(record.fields.count == 1 ? "1 field" : "\(record.fields.count) fields") where the header names \(count)"
            )
        }
        func field(_ place: Int?) -> String? {
            guard let place, !record.fields[place].isEmpty else { return nil }
            return record.fields[place]
        }
        var ranges: [IPNetwork] = []
        for word in (field(networks) ?? "").utf8.split(separator: UInt8(ascii: " ")) {
            let text = Substring(word)
            guard let network = try? IPNetwork(parsing: text) else {
                throw RowFault(detail: AccountSyntax.noNetwork(String(text)))
            }
            ranges.append(network)
        }
        let row = AccountFile.Row(
            line: record.line, login: record.fields[login], plan: record.fields[plan], customer: field(customer),
            networks: ranges, passwordHash: field(passwordHash), mail: field(mail))
        try check(row)
        return row
    }

    private func check(_ row: AccountFile.Row) throws(RowFault) {
        guard AccountSyntax.isName(row.login) else {
            throw RowFault(detail: "the login is empty, longer than 254 octets, or holds a space or control character")
        }
        guard AccountSyntax.isName(row.plan) else { throw RowFault(detail: "the plan is empty or no name") }
        if let hash = row.passwordHash, !AccountSyntax.isHash(hash) {
            throw RowFault(detail: "the password hash is neither a libcrypt string nor {SHA256} and 64 digits")
        }
        if let mail = row.mail, !MailAddress.isPlain(mail) {
            throw RowFault(detail: "\"\(mail)\" is no mail address")
        }
    }
}
