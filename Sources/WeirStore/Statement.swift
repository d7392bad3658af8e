import CSQLite

/// What is bound to a parameter.
enum Value {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    static func optional(_ text: String?) -> Value { text.map(Value.text) ?? .null }
    static func unsigned(_ number: UInt64) -> Value { .integer(Int64(bitPattern: number)) }
    static func unsigned(_ number: UInt32) -> Value { .integer(Int64(number)) }
}

/// One prepared statement, of use for as long as its database is open.
///
/// Its text is a literal of the program: no SQL is ever built at run time.
final class Statement {
    private let database: Database
    private let handle: OpaquePointer

    init(_ database: Database, _ handle: OpaquePointer) {
        self.database = database
        self.handle = handle
    }

    deinit { if database.isOpen { sqlite3_finalize(handle) } }

    /// Runs it for its effect.
    func run(_ values: Value...) throws(StoreError) {
        try bind(values)
        while try step() {}
    }

    /// Runs it and hands out each row; the row is gone when `body` returns.
    func each(_ values: Value..., body: (Statement) throws(StoreError) -> Void) throws(StoreError) {
        try each(values, body: body)
    }

    func each(_ values: [Value], body: (Statement) throws(StoreError) -> Void) throws(StoreError) {
        try bind(values)
        do {
            while try step() { try body(self) }
        } catch {
            reset()
            throw error
        }
    }

    /// Runs it and reads its first row, if there is one.
    func first<Result>(
        _ values: Value..., read: (Statement) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        try bind(values)
        defer { reset() }
        return try step() ? try read(self) : nil
    }

    /// True when there is a row to read; else the statement is ready to be bound again.
    func step() throws(StoreError) -> Bool {
        try database.ensureSound()
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        // The reset repeats the step's error; the first one counts.
        let failure = code == SQLITE_DONE ? nil : database.failure(code, "sqlite3_step")
        reset()
        if let failure { throw failure }
        return false
    }

    func reset() { sqlite3_reset(handle) }
}

extension Statement {
    private func bind(_ values: [Value]) throws(StoreError) {
        try database.ensureSound()
        for (offset, value) in values.enumerated() {
            let index = Int32(truncatingIfNeeded: offset + 1)
            switch value {
            case .null: try check(sqlite3_bind_null(handle, index))
            case .integer(let number): try check(sqlite3_bind_int64(handle, index, number))
            case .text(let text): try bind(text, at: index)
            case .blob(let octets): try bind(octets, at: index)
            }
        }
    }

    func bind(_ text: String, at index: Int32) throws(StoreError) {
        try database.ensureSound()
        var text = text
        let code = text.withUTF8 { octets in
            octets.withMemoryRebound(to: CChar.self) {
                csqlite_bind_text(handle, index, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
        // An empty string has no address, which SQLite would take for NULL.
        try check(text.isEmpty ? csqlite_bind_text(handle, index, "", 0) : code)
    }

    private func bind(_ octets: [UInt8], at index: Int32) throws(StoreError) {
        let code = octets.withUnsafeBytes {
            csqlite_bind_blob(handle, index, $0.baseAddress, Int32(clamping: $0.count))
        }
        try check(octets.isEmpty ? sqlite3_bind_zeroblob(handle, index, 0) : code)
    }

    /// Binds a number: for the few statements that run once a journal row.
    func bind(_ number: Int64, at index: Int32) throws(StoreError) {
        try database.ensureSound()
        try check(sqlite3_bind_int64(handle, index, number))
    }

    /// Binds a number, or nothing.
    func bind(_ number: Int64?, at index: Int32) throws(StoreError) {
        try database.ensureSound()
        try check(number.map { sqlite3_bind_int64(handle, index, $0) } ?? sqlite3_bind_null(handle, index))
    }

    private func check(_ code: Int32) throws(StoreError) {
        if code != SQLITE_OK { throw database.failure(code, "sqlite3_bind") }
    }
}

extension Statement {
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// A number that a sound file keeps within 32 bits.
    func unsigned32(_ column: Int32) throws(StoreError) -> UInt32 {
        guard let number = UInt32(exactly: integer(column)) else {
            throw .damaged(path: database.path, reason: "a number is out of its range")
        }
        return number
    }

    /// Octets that are no UTF-8 come out repaired.
    func text(_ column: Int32) -> String {
        guard let octets = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: octets, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func blob(_ column: Int32) -> [UInt8] {
        guard let octets = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: octets, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
