import Glibc

/// Whether this program, and so the daemon built beside it, runs under a sanitizer: then it is several times as slow and as large, and
/// bounds of time and memory tell nothing.
package let isSanitized = ["__tsan_init", "__asan_init"].contains { (name: String) in dlsym(nil, name) != nil }
