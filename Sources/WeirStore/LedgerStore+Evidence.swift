package import WeirQuota

/// One row of the journal of evidence; what stands in it only the detector knows.
package struct ObservationRow: Equatable, Sendable {
    /// Given by the detector, in the order of its decisions, from 1 on.
    package var sequence: UInt64
    package var octets: [UInt8]

    package init(sequence: UInt64, octets: [UInt8]) {
        self.sequence = sequence
        self.octets = octets
    }
}

/// What is known of one machine behind an account by network.
package struct MachineRow: Equatable, Sendable {
    package var subject: SubjectID
    /// Hash of its EHLO name.
    package var name: UInt64
    /// The higher, the later it sent.
    package var turn: UInt64
    package var octets: [UInt8]

    package init(subject: SubjectID, name: UInt64, turn: UInt64, octets: [UInt8]) {
        (self.subject, self.name, self.turn, self.octets) = (subject, name, turn, octets)
    }
}

/// All that has changed since the last one, as of one observation.
package struct EvidenceSnapshot: Sendable {
    package var evidence: [(subject: SubjectID, octets: [UInt8])]
    package var machines: [MachineRow] = []
    /// Machines that are forgotten.
    package var forgotten: [(subject: SubjectID, name: UInt64)] = []
    /// What accounts share; nil: nothing yet.
    package var surroundings: [UInt8]?
    /// The sequence of the last observation that is in it.
    package var observed: UInt64

    package init(evidence: [(subject: SubjectID, octets: [UInt8])], surroundings: [UInt8]?, observed: UInt64) {
        self.evidence = evidence
        self.surroundings = surroundings
        self.observed = observed
    }
}

/// Octets of the detector that are not what it wrote.
package enum DamagedOctets: Equatable, Sendable {
    case evidence(SubjectID, [UInt8])
    case machine(MachineRow)
    case surroundings([UInt8])
    case observation(ObservationRow)
}

struct EvidenceStatements {
    let find, save, drop: Statement
    let machines, saveMachine, dropMachine, dropMachines: Statement
    let insertObservation, observations, dropObservation, trim: Statement
    let surroundings, setAside, damaged, trimDamaged: Statement

    init(_ database: Database) throws(StoreError) {
        find = try database.prepare("SELECT state FROM evidence WHERE subject = ?1")
        save = try database.prepare("INSERT OR REPLACE INTO evidence VALUES(?1, ?2)")
        drop = try database.prepare("DELETE FROM evidence WHERE subject = ?1")
        machines = try database.prepare("SELECT name, turn, state FROM machine WHERE subject = ?1 ORDER BY name")
        saveMachine = try database.prepare("INSERT OR REPLACE INTO machine VALUES(?1, ?2, ?3, ?4)")
        dropMachine = try database.prepare("DELETE FROM machine WHERE subject = ?1 AND name = ?2")
        dropMachines = try database.prepare("DELETE FROM machine WHERE subject = ?1")
        insertObservation = try database.prepare("INSERT INTO observation VALUES(?1, ?2)")
        observations = try database.prepare("SELECT * FROM observation WHERE sequence > ?1 ORDER BY sequence")
        dropObservation = try database.prepare("DELETE FROM observation WHERE sequence = ?1")
        trim = try database.prepare("DELETE FROM observation WHERE sequence <= ?1")
        surroundings = try database.prepare("SELECT value FROM meta WHERE key = 'surroundings'")
        setAside = try database.prepare("INSERT INTO damaged(kind, number, octets) VALUES(?1, ?2, ?3)")
        damaged = try database.prepare("SELECT kind, number, octets FROM damaged ORDER BY id")
        trimDamaged = try database.prepare("DELETE FROM damaged WHERE id <= (SELECT max(id) FROM damaged) - ?1")
    }
}

/// What is known of accounts' conduct: one row an account, one each machine behind it, what all share, and what was observed since both were saved.
extension LedgerStore {
    /// Damaged octets that are kept for people to look at, the latest ones.
    package static let damagedMax = 1_000

    /// As it was saved; nil: nothing is known.
    package func evidence(of subject: SubjectID) throws(StoreError) -> [UInt8]? {
        try conduct.find.first(.unsigned(subject.number)) { statement throws(StoreError) in statement.blob(0) }
    }

    /// The machines behind an account, as they were saved.
    package func machines(of subject: SubjectID) throws(StoreError) -> [MachineRow] {
        var rows: [MachineRow] = []
        try conduct.machines.each(.unsigned(subject.number)) { row throws(StoreError) in
            rows.append(
                MachineRow(
                    subject: subject, name: UInt64(bitPattern: row.integer(0)),
                    turn: UInt64(bitPattern: row.integer(1)), octets: row.blob(2)))
        }
        return rows
    }

    /// What accounts share, and the last observation that is in all that is saved.
    package func savedSurroundings() throws(StoreError) -> (octets: [UInt8]?, observed: UInt64) {
        let octets = try conduct.surroundings.first { statement throws(StoreError) in statement.blob(0) }
        // What no sequence can be was not written by us; the journal's rows tell where it goes on.
        let observed = try number("observed") ?? 0
        return (octets, observed <= UInt64(Int64.max) ? observed : 0)
    }

    /// What was observed after that, in its order.
    package func observations(after sequence: UInt64) throws(StoreError) -> [ObservationRow] {
        var rows: [ObservationRow] = []
        try conduct.observations.each(.unsigned(sequence)) { statement throws(StoreError) in
            rows.append(
                ObservationRow(sequence: UInt64(bitPattern: statement.integer(0)), octets: statement.blob(1)))
        }
        return rows
    }

    /// Saves all of it in one commit, or nothing; the observations in it are deleted.
    package func save(_ snapshot: EvidenceSnapshot) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            for row in snapshot.evidence {
                try conduct.save.run(.unsigned(row.subject.number), .blob(row.octets))
            }
            for row in snapshot.machines {
                try conduct.saveMachine.run(
                    .unsigned(row.subject.number), .unsigned(row.name), .unsigned(row.turn), .blob(row.octets))
            }
            for machine in snapshot.forgotten {
                try conduct.dropMachine.run(.unsigned(machine.subject.number), .unsigned(machine.name))
            }
            if let octets = snapshot.surroundings {
                try maintenance.setMeta.run(.text("surroundings"), .blob(octets))
            }
            try maintenance.setMeta.run(.text("observed"), .unsigned(snapshot.observed))
            try conduct.trim.run(.unsigned(snapshot.observed))
        }
    }

    /// Deletes all that is known of an account, and of the machines behind it.
    package func forget(_ subject: SubjectID) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            try conduct.drop.run(.unsigned(subject.number))
            try conduct.dropMachines.run(.unsigned(subject.number))
        }
    }

    /// Moves damaged octets to where nobody reads them but people: all in one commit, or none.
    package func setAside(_ damaged: [DamagedOctets]) throws(StoreError) {
        guard !damaged.isEmpty else { return }
        try database.transaction { () throws(StoreError) in
            for one in damaged { try setAside(one) }
            try conduct.trimDamaged.run(.integer(Int64(Self.damagedMax)))
        }
    }

    private func setAside(_ damaged: DamagedOctets) throws(StoreError) {
        switch damaged {
        case .evidence(let subject, let octets):
            try conduct.drop.run(.unsigned(subject.number))
            try conduct.setAside.run(.text("evidence"), .unsigned(subject.number), .blob(octets))
        case .machine(let row):
            try conduct.dropMachine.run(.unsigned(row.subject.number), .unsigned(row.name))
            try conduct.setAside.run(.text("machine"), .unsigned(row.subject.number), .blob(row.octets))
        case .surroundings(let octets):
            try maintenance.dropMeta.run(.text("surroundings"))
            try conduct.setAside.run(.text("surroundings"), .integer(0), .blob(octets))
        case .observation(let row):
            try conduct.dropObservation.run(.unsigned(row.sequence))
            try conduct.setAside.run(.text("observation"), .unsigned(row.sequence), .blob(row.octets))
        }
    }

    /// What was set aside, the oldest first.
    package func damagedOctets() throws(StoreError) -> [(kind: String, number: UInt64, octets: [UInt8])] {
        var all: [(kind: String, number: UInt64, octets: [UInt8])] = []
        try conduct.damaged.each { statement throws(StoreError) in
            all.append((statement.text(0), UInt64(bitPattern: statement.integer(1)), statement.blob(2)))
        }
        return all
    }
}
