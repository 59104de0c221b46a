package import EventLog
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Makes a directory where there is none, so that it survives a power cut: a name is durable once the directory that
/// holds it is. (SQLite sees to its own files' names.)
package func makeDurableDirectory(_ named: DirectoryLock.Named) throws(EventLogError) {
    let path = named.path
    var isDirectory = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory {
        throw .unusable("\(named.description) cannot be made: there is a file of that name")
    }
    var missing: [URL] = []
    var url = URL(filePath: path).standardizedFileURL
    while !FileManager.default.fileExists(atPath: url.path), url.path != "/" {
        missing.append(url)
        url = url.deletingLastPathComponent()
    }
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
        throw .unusable("\(named.description) cannot be made: \(error)")
    }
    for made in missing {
        let descriptor = open(made.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            if descriptor >= 0 { close(descriptor) }
            throw .unusable("\(named.description) cannot be made durable: \(String(cString: strerror(errno)))")
        }
        close(descriptor)
    }
}
