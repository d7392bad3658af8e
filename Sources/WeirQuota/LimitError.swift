/// Why the text of a limit was refused, and what it could have said.
package struct LimitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where, counted from 1 in Unicode scalars of the text.
    package let column: Int
    package let reason: String
    /// The nearest known word, or what is possible there.
    package let hint: String

    package init(column: Int, reason: String, hint: String) {
        self.column = column
        self.reason = reason
        self.hint = hint
    }

    package var description: String { "column \(column): \(reason); \(hint)" }
}

/// Words as people mistype them.
package enum Spelling {
    /// The word of `known` that `word` was probably meant to be: at most a third of its letters differ, and at most two.
    ///
    /// The earlier of two equally near words; both are compared as they are, so fold their case first.
    package static func nearest(to word: String, among known: [String]) -> String? {
        guard word.unicodeScalars.count <= 40 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in known {
            let distance = distance(word, candidate)
            guard distance <= min(2, max(1, candidate.count / 3)), distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best?.word
    }

    /// Letters to insert, drop, replace or swap with their neighbour (optimal string alignment).
    private static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
        var (beforeLast, last) = ([Int](), Array(0...right.count))
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let differs = left[row] == right[column] ? 0 : 1
                var cost = min(last[column] + differs, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
