import Foundation
import Glibc
import TestKit

/// A small library in C that a daemon loads before all others, and a number that both sides see.
///
/// `@unchecked Sendable`: the number is one aligned word.
final class PreloadedLibrary: @unchecked Sendable {
    /// In the library the number is `*word`; there is none in a program that was not given ``environment``.
    private static let prelude = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        static volatile int64_t *word;

        __attribute__((constructor)) static void begin(void) {
            int file = open(getenv("PRELOADED_WORD"), O_RDWR | O_CLOEXEC);
            if (file >= 0) word = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        }


        """

    /// 0 at first.
    let word: UnsafeMutablePointer<Int64>
    private let folder: TemporaryFolder

    init(_ source: String) throws {
        folder = try TemporaryFolder()
        let library = try Program.run(
            "clang",
            [
                "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", folder.file("library.so"),
                try folder.write(Self.prelude + source + "\n", to: "library.c"),
            ])
        guard library.status == 0 else { throw Program.Failure(description: library.errors) }
        try folder.write(String(repeating: "\0", count: 8), to: "word")
        let file = open(folder.file("word"), O_RDWR | O_CLOEXEC)
        defer { close(file) }
        let page = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let page, page != MAP_FAILED else { throw Program.Failure(description: "mmap of the word failed") }
        word = page.bindMemory(to: Int64.self, capacity: 1)
    }

    deinit { munmap(word, 8) }

    /// For the daemon; what is loaded before all others anyway, as under sanitizers, still is.
    var environment: [String: String] {
        let others = ProcessInfo.processInfo.environment["LD_PRELOAD"].map { [$0] } ?? []
        let libraries = [folder.file("library.so")] + others
        return ["LD_PRELOAD": libraries.joined(separator: " "), "PRELOADED_WORD": folder.file("word")]
    }
}
