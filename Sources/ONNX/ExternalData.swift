import Glibc

/// Which files beside a model its tensors may be read from.
package struct ExternalDataPolicy: Hashable, Sendable {
  /// Stores that keep each file once under several names need this; a foreign file may then pass as the model's.
  package var allowsHardLinks = false
  package init(allowsHardLinks: Bool = false) { self.allowsHardLinks = allowsHardLinks }
}

/// Where a tensor's bytes are in another file.
package struct ExternalReference: Hashable, Sendable {
  package var location: String
  package var offset: Int
  package var byteCount: Int?

  package init(_ entries: [StringEntryProto]) throws(ExternalDataError) {
    var location: String?
    var offset: Int?
    var byteCount: Int?
    var seen: [String] = []
    for entry in entries {
      if seen.contains(entry.key) { throw .repeatedKey(entry.key) }
      seen.append(entry.key)
      switch entry.key {
      case "location": location = entry.value
      case "offset": offset = try Self.number(entry)
      case "length": byteCount = try Self.number(entry)
      case "checksum": break
      default: throw .unknownKey(entry.key)
      }
    }
    guard let location else { throw .missingLocation }
    self.location = location
    self.offset = offset ?? 0
    self.byteCount = byteCount
  }

  /// Decimal digits only: no sign, no spaces.
  private static func number(_ entry: StringEntryProto) throws(ExternalDataError) -> Int {
    let isDigits = entry.value.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    guard isDigits, let number = Int(entry.value) else {
      throw .invalidNumber(key: entry.key, value: entry.value)
    }
    return number
  }
}

/// The folder of a model and the files of external data opened in it. Nothing outside of it is ever opened.
///
/// Each component of a location is opened relative to the folder before it, without following links, so that
/// nobody can exchange a checked name for another file.
final class ExternalDataFolder {
  private static let pathLimit = 4096

  private let path: String
  private let policy: ExternalDataPolicy
  private let copy: Bool
  private var files: [String: MappedFile] = [:]

  /// The folder that holds the model at `path`.
  init(ofModel path: String, policy: ExternalDataPolicy, copy: Bool) {
    self.policy = policy
    self.copy = copy
    if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
      self.path = slash == path.startIndex ? "/" : String(path[..<slash])
    } else {
      self.path = "."
    }
  }

  func file(at location: String) throws(ExternalDataError) -> MappedFile {
    if let known = files[location] { return known }
    let components = try Self.components(of: location)
    let descriptor = try open(components, location)
    defer { close(descriptor) }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_nlink > 1, status.st_mode & S_IFMT == S_IFREG,
      !policy.allowsHardLinks
    {
      throw .hardLink(location: location)
    }
    let opened: MappedFile
    do { opened = try MappedFile(descriptor: descriptor, path: path + "/" + location, copy: copy) } catch {
      throw .file(location: location, error.reason)
    }
    files[location] = opened
    return opened
  }

  /// The names from the folder down; `.` is left out.
  static func components(of location: String) throws(ExternalDataError) -> [String] {
    if location.isEmpty || location.utf8.count > pathLimit || location.utf8.contains(0) {
      throw .invalidPath(location: String(location.prefix(80)))
    }
    if location.utf8.first == UInt8(ascii: "/") { throw .outsideFolder(location: location) }
    let parts = location.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
      String($0) ?? ""
    }
    if parts.contains("..") { throw .outsideFolder(location: location) }
    if parts.contains("") { throw .invalidPath(location: location) }
    let names = parts.filter { $0 != "." }
    if names.isEmpty { throw .invalidPath(location: location) }
    return names
  }

  private func open(_ components: [String], _ location: String) throws(ExternalDataError) -> Int32 {
    var folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder < 0 { throw .file(location: location, .system(call: "open", code: errno)) }
    for (i, name) in components.enumerated() {
      let isLast = i == components.count - 1
      let flags = isLast ? O_RDONLY | O_NONBLOCK : O_RDONLY | O_DIRECTORY
      let next = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC)
      let code = errno
      var status = stat()
      let isLink =
        next < 0 && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0
        && status.st_mode & S_IFMT == S_IFLNK
      close(folder)
      if isLink { throw .link(location: location) }
      if next < 0 {
        throw .file(
          location: location, code == ENOENT || code == ENOTDIR ? .missing : .system(call: "open", code: code)
        )
      }
      folder = next
    }
    return folder
  }
}
