/// Octet buffers of one executor, lent to connections while they hold something.
package struct BufferPool {
    /// The size of a lent input buffer, in octets.
    package static let octets = 64 * 1024
    /// How many buffers of each kind are kept.
    static let keptMax = 64

    private var inputs: [[UInt8]] = []
    private var outputs: [[UInt8]] = []

    /// A buffer of ``octets`` octets, their values left over from earlier use.
    mutating func takeInput() -> [UInt8] { inputs.popLast() ?? [UInt8](repeating: 0, count: BufferPool.octets) }

    mutating func giveInput(_ buffer: consuming [UInt8]) {
        if inputs.count < BufferPool.keptMax { inputs.append(buffer) }
    }

    /// An empty buffer to append to.
    mutating func takeOutput() -> [UInt8] { outputs.popLast() ?? [] }

    mutating func giveOutput(_ buffer: consuming [UInt8]) {
        guard outputs.count < BufferPool.keptMax, buffer.capacity > 0, buffer.capacity <= 4 * BufferPool.octets else {
            return
        }
        var emptied = buffer
        emptied.removeAll(keepingCapacity: true)
        outputs.append(emptied)
    }
}
