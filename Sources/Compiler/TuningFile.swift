import Host
import Tensors

/// A tuning table on disk: a line for each time, below a head that tells what the times hold for.
///
///     needletail tuning table 1
///     processor AMD EPYC
///     kernels 0f3a…
///
///     812345.0	simd.convolution.f32.nhwc.direct.avx512	1	0	Conv …
///     checksum 91d2…
///
/// It is replaced as a whole, so a reader sees the old one or the new one. Of two processes that write at once, the times
/// of one may be lost; they are measured again.
package struct TuningFile: Sendable {
  package let path: String
  /// A table with another head is of other kernels, or of another processor: as if it were not there.
  package let head: [String]

  package init(path: String, head: [String]) {
    self.path = path
    self.head = head.map {
      $0.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")
    }
  }

  package static let capacity = 16_384
  private static let byteLimit = capacity * 512
  private static let title = "needletail tuning table 1"

  /// The times, and what is wrong with the file where it cannot be used.
  package func read() -> (table: TuningTable, complaint: String?) {
    var table = TuningTable()
    do throws(FileError) {
      for (key, time) in try entries() { table.times[key] = time }
    } catch { return (table, error.description) }
    return (table, nil)
  }

  /// Adds times to those of the file; the newest stay when there are too many. Throws when it cannot be written.
  package func add(_ times: [TuningTable.Key: Double]) throws(FileError) {
    func order(_ key: TuningTable.Key) -> (String, String, Int, Int) {
      (key.request, key.kernel, key.version, key.offer)
    }
    var entries = times.filter { $0.key.isWritable }.sorted { order($0.key) < order($1.key) }.map {
      ($0.key, $0.value)
    }
    // A damaged file is replaced.
    if let old = try? self.entries() { entries += old.filter { times[$0.0] == nil } }
    var text = ([Self.title] + head + [""]).map { $0 + "\n" }.joined()
    for (key, time) in entries.prefix(Self.capacity) {
      let line = "\(time)\t\(key.kernel)\t\(key.version)\t\(key.offer)\t\(key.request)\n"
      if text.utf8.count + line.utf8.count > Self.byteLimit - 64 { break }
      text += line
    }
    text += "checksum \(Self.checksum(Array(text.utf8)))\n"
    try replaceFile(path, Array(text.utf8))
  }

  private func entries() throws(FileError) -> [(TuningTable.Key, Double)] {
    guard isThere(path) else { return [] }
    let bytes = try readFile(path, atMost: Self.byteLimit)
    let damage = FileError(path, "it is damaged")
    let isOurs = bytes.starts(with: Self.title.utf8)
    guard isOurs, bytes.last == UInt8(ascii: "\n"),
      let last = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n"))
    else { throw isOurs ? damage : FileError(path, "it is no tuning table") }
    guard bytes[(last + 1)...].elementsEqual("checksum \(Self.checksum(Array(bytes[...last])))\n".utf8) else {
      throw damage
    }
    let lines = bytes[..<last].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard lines.count > head.count + 1,
      zip(lines.dropFirst(), head).allSatisfy({ $0.elementsEqual($1.utf8) }),
      lines[head.count + 1].isEmpty
    else { return [] }
    var entries: [(TuningTable.Key, Double)] = []
    for line in lines.dropFirst(head.count + 2) {
      let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 4, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
      guard parts.count == 5, let time = Double(parts[0]), time >= 0, let version = Int(parts[2]),
        let offer = Int(parts[3])
      else { throw damage }
      entries.append(
        (TuningTable.Key(request: parts[4], kernel: parts[1], version: version, offer: offer), time))
    }
    return entries
  }

  private static func checksum(_ bytes: [UInt8]) -> String {
    String(Checksum.of(bytes), radix: 16)
  }
}

extension TuningTable.Key {
  /// A model may hold any text.
  fileprivate var isWritable: Bool {
    request.utf8.count <= 4_096 && !request.utf8.contains(UInt8(ascii: "\n"))
      && !kernel.utf8.contains { $0 < 0x20 }
  }
}
