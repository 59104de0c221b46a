import FoundationEssentials
import Glibc
import Models

/// Makes one retraining run at a time. The kernel frees it when the process ends, however it ends.
struct RetrainLock {
    private let descriptor: Int32

    /// `nil` where another process holds it.
    init?(directory: String) throws(RegistryError) {
        do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
            throw .unwritable(file: directory, reason: "\(error)")
        }
        let path = directory + "/retrain.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(file: path, reason: String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    func release() { close(descriptor) }
}
