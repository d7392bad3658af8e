/// Everything an administrator can do: the daemon does it itself, the command line asks the daemon.
///
/// Each change is audited with its actor, holds when the call returns, and survives a restart. Logins are given
/// as typed; whoever implements this folds them.
package protocol Administration: Sendable {
    func status() async throws(AdminError) -> Status
    func readiness() async throws(AdminError) -> Readiness

    func accounts(_ query: AccountQuery) async throws(AdminError) -> AccountList
    func account(_ login: String) async throws(AdminError) -> Account
    func usage(_ login: String) async throws(AdminError) -> Usage

    /// Where an account stands, and from what.
    func why(_ login: String) async throws(AdminError) -> AccountReasons
    /// What happened to an account, also to one that was removed; the latest first.
    func history(_ login: String, limit: Int, cursor: String?) async throws(AdminError) -> AccountHistory
    /// What came of a message; ``AdminError/Kind/noSuchMessage`` when nothing is known of it, or nothing any more.
    func message(_ id: String) async throws(AdminError) -> MessageReport
    /// What thresholds of the detector would have meant, for the accounts of a plan or for all.
    func calibration(plan: String?) async throws(AdminError) -> CalibrationReport

    /// Adds an account; ``AdminError/Kind/conflict`` when there is one of this login.
    func add(_ login: String, _ definition: AccountDefinition, by actor: Actor) async throws(AdminError) -> Account
    /// Makes an account what the definition says, whether it was there or not; its tokens and overrides stay.
    func put(_ login: String, _ definition: AccountDefinition, by actor: Actor) async throws(AdminError) -> Account
    func change(_ login: String, _ change: AccountChange, by actor: Actor) async throws(AdminError) -> Account
    func remove(_ login: String, by actor: Actor) async throws(AdminError)

    func suspend(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account
    func release(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account
    /// Forgives what was counted in the open windows.
    func reset(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account

    /// Overrides one limit; a `name` that is not the override's own is ``AdminError/Kind/invalid``.
    func limit(
        _ login: String, name: String?, _ override: LimitOverride, by actor: Actor
    ) async throws(AdminError) -> Account
    /// Takes an override back; ``AdminError/Kind/notFound`` when there is none of this name.
    func unlimit(_ login: String, name: String, by actor: Actor) async throws(AdminError) -> Account

    /// Makes an application password; only its hash is kept.
    func issueToken(_ login: String, by actor: Actor) async throws(AdminError) -> IssuedToken
    /// Adds and changes accounts, all or none; errors name lines.
    func importAccounts(_ file: AccountFile, dryRun: Bool, by actor: Actor) async throws(AdminError) -> ImportReport

    /// Traces a report of abuse (ARF or XARF) to the account that sent the message, and holds it against it, once.
    ///
    /// ``AdminError/Kind/noSuchAccount`` where it leads to none, ``AdminError/Kind/invalid`` where it cannot be read.
    func complain(_ report: [UInt8], by actor: Actor) async throws(AdminError) -> ComplaintReport

    /// Takes the new configuration, whole or not at all.
    func reload(by actor: Actor) async throws(AdminError) -> ReloadReport
}
