import WeirConfiguration

/// Reads whatever comes as a weir.yaml: the tree, then the schema. Errors are fine, traps are not.
@_cdecl("LLVMFuzzerTestOneInput")
public func readConfiguration(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = Array(UnsafeBufferPointer(start: start, count: count))
    let document = YAMLDocument(octets, file: "fuzz")
    precondition(document.root != nil || !document.errors.isEmpty, "what cannot be read must have an error")
    do throws(ConfigurationErrors) {
        _ = try Configuration.parse(octets, file: "fuzz")
    } catch {
        precondition(!error.errors.isEmpty, "what is refused must have an error")
        precondition(error.errors.allSatisfy { !$0.description.contains("\n") }, "an error is one line")
    }
    return 0
}
