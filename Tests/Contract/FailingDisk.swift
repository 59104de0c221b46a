import Foundation

/// A disk that fails on command, for processes of a test: a library loaded before the C library's, whose `write`,
/// `read` and `fsync` look into a file for what they are to do.
///
/// The file holds one line, `ACTION CALL ERRNO SUFFIX AFTER`: ACTION is `fail`, `short` (half is written, then it fails)
/// or `kill`; CALL `fsync`, `write`, `read` or `any` (fsync and write); SUFFIX the end of the path, `*` for every SQLite
/// file; AFTER how many such calls pass first. All above the system calls runs as it does on a disk that really fails.
public struct FailingDisk: Sendable {
    public enum Trouble: Sendable {
        case fsyncFails
        case writesFail(Int32)
        case writesAreShort
        case readsFail
        /// The process is killed before the n-th write or fsync.
        case killed(before: Int)
    }

    private let library: String
    private let orders: String

    /// - Parameter directory: for the library and the file that gives orders.
    /// - Returns: `nil` where there is no C compiler.
    public init?(in directory: String) throws {
        library = directory + "/failingdisk.so"
        orders = directory + "/orders"
        let source = directory + "/failingdisk.c"
        try Self.source.write(toFile: source, atomically: true, encoding: .utf8)
        for compiler in ["clang", "cc", "gcc"] {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"]
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            if process.terminationStatus == 0 { return }
        }
        return nil
    }

    /// What a process needs to live on it.
    public var environment: [String: String] { ["LD_PRELOAD": library, "FAILING_DISK": orders] }

    /// From now on, in all processes that live on it.
    ///
    /// - Parameter suffix: the end of the path of the files that are troubled.
    public func begin(_ trouble: Trouble, of suffix: String) throws {
        let order =
            switch trouble {
            case .fsyncFails: "fail fsync \(EIO) \(suffix) 0"
            case .writesFail(let number): "fail write \(number) \(suffix) 0"
            case .writesAreShort: "short write \(EIO) \(suffix) 0"
            case .readsFail: "fail read \(EIO) \(suffix) 0"
            case .killed(let count): "kill any 0 \(suffix) \(count)"
            }
        try order.write(toFile: orders, atomically: true, encoding: .utf8)
    }

    public func end() throws {
        if FileManager.default.fileExists(atPath: orders) { try FileManager.default.removeItem(atPath: orders) }
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <signal.h>
        #include <stdatomic.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        enum { PASS, FAIL, SHORT };
        static atomic_int passed;

        /* What a call on a descriptor is to do; sets errno where it is to fail. */
        static int order(const char *call, int fd) {
            const char *orders = getenv("FAILING_DISK");
            if (!orders) return PASS;
            int file = syscall(SYS_openat, AT_FDCWD, orders, O_RDONLY | O_CLOEXEC);
            if (file < 0) return PASS;
            char text[512] = {0};
            long count = syscall(SYS_read, file, text, sizeof text - 1);
            syscall(SYS_close, file);
            char action[16], what[16], suffix[256];
            int number = 0, after = 0;
            if (count <= 0 || sscanf(text, "%15s %15s %d %255s %d", action, what, &number, suffix, &after) < 4)
                return PASS;
            if (strcmp(what, call) && !(!strcmp(what, "any") && strcmp(call, "read"))) return PASS;
            char link[64], path[512];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
            long end = strlen(suffix);
            if (length < end) return PASS;
            path[length] = 0;
            if (strcmp(path + length - end, suffix)
                && !(!strcmp(suffix, "*") && strstr(path, ".sqlite"))) return PASS;
            if (atomic_fetch_add(&passed, 1) < after) return PASS;
            if (!strcmp(action, "kill")) kill(getpid(), SIGKILL);
            errno = number;
            return strcmp(action, "short") ? FAIL : SHORT;
        }

        #define NEXT(type, name, ...) \
            static type (*next)(__VA_ARGS__); \
            if (!next) next = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name);

        #define WRITE(name, off) \
            ssize_t name(int fd, const void *bytes, size_t count, off offset) { \
                NEXT(ssize_t, name, int, const void *, size_t, off) \
                switch (order("write", fd)) { \
                case FAIL: return -1; \
                case SHORT: if (count > 1) { next(fd, bytes, count / 2, offset); errno = EIO; } return -1; \
                default: return next(fd, bytes, count, offset); \
                } \
            }
        WRITE(pwrite, off_t)
        WRITE(pwrite64, off64_t)

        #define READ(name, off) \
            ssize_t name(int fd, void *bytes, size_t count, off offset) { \
                NEXT(ssize_t, name, int, void *, size_t, off) \
                return order("read", fd) == PASS ? next(fd, bytes, count, offset) : -1; \
            }
        READ(pread, off_t)
        READ(pread64, off64_t)

        #define SYNC(name) \
            int name(int fd) { \
                NEXT(int, name, int) \
                return order("fsync", fd) == PASS ? next(fd) : -1; \
            }
        SYNC(fsync)
        SYNC(fdatasync)
        """#
}
