import WeirBase

/// The verbs that change one account.
extension AccountsStore {
    /// Makes an account.
    package func add(_ account: NewAccount, by author: Author) throws(StoreError) {
        guard let key = CanonicalLogin(account.login)?.key else { throw .refused(.notALogin(account.login)) }
        try change { () throws(StoreError) in
            if try row(key) != nil { throw .refused(.accountExists(login: account.login)) }
            let id = try insert(account, key: key, by: author)
            for network in account.networks { _ = try attach(network, to: id, key, by: author) }
        }
    }

    /// Makes the account's row; returns its number.
    func insert(_ account: NewAccount, key: String, by author: Author) throws(StoreError) -> Int64 {
        let id = try statements.insert.first(
            .text(key), .text(account.login), .text(account.plan), .optional(account.customer), .time(author.at),
            .optional(account.mail), .optional(account.passwordHash), .optional(account.isMoved ? nil : author.at)
        ) { row throws(StoreError) in row.integer(0) }
        try audit(author, "account.add", key, new: account.plan)
        guard let id else { throw .damaged(path: database.path, reason: "an insertion gave no number") }
        return id
    }

    /// Changes plan, customer, mail, password or networks, all or none; returns whether anything is different.
    @discardableResult
    package func set(_ login: String, _ changes: AccountChanges, by author: Author) throws(StoreError) -> Bool {
        try change { () throws(StoreError) in
            let row = try known(login)
            var differs = try apply(changes, to: row, by: author)
            for network in changes.removedNetworks { try detach(network, from: row.id, row.record.key, by: author) }
            for network in changes.addedNetworks {
                if try attach(network, to: row.id, row.record.key, by: author) { differs = true }
            }
            return differs || !changes.removedNetworks.isEmpty
        }
    }

    /// Writes the changed columns, with an audit row for each; a password's is without its hash.
    func apply(_ changes: AccountChanges, to row: AccountRow, by author: Author) throws(StoreError) -> Bool {
        let old = row.record
        var new = old
        if let plan = changes.plan { new.plan = plan }
        if let customer = changes.customer { new.customer = customer.isEmpty ? nil : customer }
        if let mail = changes.mail { new.mail = mail.isEmpty ? nil : mail }
        if let hash = changes.passwordHash { new.passwordHash = hash.isEmpty ? nil : hash }
        guard new != old else { return false }
        try statements.update.run(
            .integer(row.id), .text(new.plan), .optional(new.customer), .optional(new.mail),
            .optional(new.passwordHash))
        if new.plan != old.plan { try audit(author, "account.set.plan", old.key, old: old.plan, new: new.plan) }
        if new.customer != old.customer {
            try audit(author, "account.set.customer", old.key, old: old.customer, new: new.customer)
        }
        if new.mail != old.mail { try audit(author, "account.set.mail", old.key, old: old.mail, new: new.mail) }
        if new.passwordHash != old.passwordHash {
            let state = { (hash: String?) in hash == nil ? "none" : "set" }
            try audit(
                author, "account.set.password", old.key, old: state(old.passwordHash), new: state(new.passwordHash))
        }
        return true
    }

    func attach(_ network: IPNetwork, to id: Int64, _ key: String, by author: Author) throws(StoreError) -> Bool {
        guard try add(network, to: id) else { return false }
        try audit(author, "account.network.add", key, new: network.description)
        return true
    }

    func detach(_ network: IPNetwork, from id: Int64, _ key: String, by author: Author) throws(StoreError) {
        guard try owner(of: network) == id else { throw .refused(.noSuchNetwork(network: network)) }
        let (family, length, octets) = network.columns
        try statements.removeNetwork.run(family, length, octets, .integer(id))
        try audit(author, "account.network.remove", key, old: network.description)
    }

    /// Moves the account to a state, with the author's reason; false when it is there already. Who is to be told is kept with it.
    @discardableResult
    package func setState(
        _ login: String, _ state: AccountState, by author: Author, telling notices: [StoredNotice] = []
    ) throws(StoreError) -> Bool {
        try change { () throws(StoreError) in
            let row = try known(login)
            return try move(row, to: state, by: author, telling: notices)
        }
    }

    /// Belongs into a transaction.
    @discardableResult
    func move(
        _ row: AccountRow, to state: AccountState, by author: Author, telling notices: [StoredNotice]
    ) throws(StoreError) -> Bool {
        guard row.record.state != state else { return false }
        try statements.setState.run(
            .integer(row.id), .text(state.rawValue), .optional(author.reason), .time(author.at))
        try audit(author, "account.state", row.record.key, old: row.record.state.rawValue, new: state.rawValue)
        try keep(notices)
        return true
    }

    /// Notes that a person has looked at a suspension and found it right.
    package func confirm(_ login: String, by author: Author) throws(StoreError) {
        try change { () throws(StoreError) in
            try audit(author, "account.confirm", try known(login).record.key, new: AccountState.suspended.rawValue)
        }
    }

    /// Gives the account a limit of its own, in place of one of the same name.
    package func limit(
        _ login: String, _ override: AccountRecord.Override, by author: Author
    ) throws(StoreError) {
        try change { () throws(StoreError) in
            let row = try known(login)
            let old = try limit(named: override.name, of: row.id)
            try statements.setOverride.run(
                .integer(row.id), .text(override.name), .text(override.limit), .optional(override.until),
                .text(override.reason))
            try audit(author, "account.limit", row.record.key, old: old, new: override.limit)
        }
    }

    /// Takes the account's own limit away, so that its plan's holds again.
    package func unlimit(_ login: String, name: String, by author: Author) throws(StoreError) {
        try change { () throws(StoreError) in
            let row = try known(login)
            guard let old = try limit(named: name, of: row.id) else { throw .refused(.noSuchLimit(name: name)) }
            try statements.dropOverride.run(.integer(row.id), .text(name))
            try audit(author, "account.unlimit", row.record.key, old: old)
        }
    }

    private func limit(named name: String, of id: Int64) throws(StoreError) -> String? {
        try statements.override.first(.integer(id), .text(name)) { row throws(StoreError) in row.text(0) }
    }

    /// Adds an application password, given as its SHA-256; false when the account has it already.
    @discardableResult
    package func addToken(_ login: String, hash: [UInt8], by author: Author) throws(StoreError) -> Bool {
        try change { () throws(StoreError) in
            let row = try known(login)
            return try addToken(hash, to: row.id, row.record.key, by: author)
        }
    }

    func addToken(_ hash: [UInt8], to id: Int64, _ key: String, by author: Author) throws(StoreError) -> Bool {
        let isNew = try statements.insertToken.first(.integer(id), .blob(hash), .time(author.at)) {
            _ throws(StoreError) in true
        }
        guard isNew != nil else { return false }
        try audit(author, "account.token.add", key)
        return true
    }

    /// Writes an audit row for what is done outside this file, as a reset of counters is.
    package func note(_ login: String, action: String, by author: Author) throws(StoreError) {
        try change { () throws(StoreError) in try audit(author, action, try known(login).record.key) }
    }

    /// Removes the account and all that belongs to it; its audit rows and verdicts stay.
    package func remove(_ login: String, by author: Author) throws(StoreError) {
        try change { () throws(StoreError) in
            let row = try known(login)
            try statements.remove.run(.integer(row.id))
            try statements.dropAllComplaints.run(.text(row.record.key))
            try audit(author, "account.remove", row.record.key, old: row.record.plan)
        }
    }
}
