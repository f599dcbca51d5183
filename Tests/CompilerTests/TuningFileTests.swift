import Host
import TestSupport
import Testing

@testable import Compiler

/// What a tuning table on disk gives back: its times, or nothing and a complaint.
@Suite struct TuningFileTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/table.txt" }
  private var file: TuningFile { TuningFile(path: path, head: ["processor A", "kernels 1"]) }

  private func key(_ request: String, _ kernel: String = "simd.a", version: Int = 1, offer: Int = 0)
    -> TuningTable.Key
  {
    TuningTable.Key(request: request, kernel: kernel, version: version, offer: offer)
  }

  @Test func givesBackWhatWasAdded() throws {
    #expect(file.read().table.times.isEmpty)
    #expect(file.read().complaint == nil)
    try file.add([key("Conv 1\twith a tab"): 1.5, key("Conv 2"): .infinity])
    try file.add([
      key("Conv 2"): 3, key("Conv 2", version: 2): 4, key("Conv 2", offer: 1): 5, key("Conv 2", "b"): 1e-3,
    ])
    let expected = [
      key("Conv 1\twith a tab"): 1.5, key("Conv 2"): 3, key("Conv 2", version: 2): 4,
      key("Conv 2", offer: 1): 5,
      key("Conv 2", "b"): 1e-3,
    ]
    #expect(file.read().table.times == expected)
    #expect(folderEntries(folder.path) == ["table.txt"])
  }

  @Test func timesOfAnotherProcessorOrOtherKernelsAreNotUsed() throws {
    try file.add([key("Conv"): 1])
    for head in [
      ["processor B", "kernels 1"], ["processor A", "kernels 2"], ["processor A"], [],
      ["processor A", "kernels 1", "x"],
    ] {
      let other = TuningFile(path: path, head: head)
      #expect(other.read().table.times.isEmpty, "\(head)")
      #expect(other.read().complaint == nil)
    }
    let other = TuningFile(path: path, head: ["processor B"])
    try other.add([key("Conv"): 2])
    #expect(other.read().table.times == [key("Conv"): 2])
    #expect(file.read().table.times.isEmpty)
  }

  /// Any byte that is changed, and any end that is missing, is told, and the file is then replaced.
  @Test func damageIsTold() throws {
    try file.add([key("Conv"): 1, key("Gemm"): 2])
    let bytes = try readFile(path)
    for i in bytes.indices {
      var damaged = bytes
      damaged[i] ^= 0x11
      folder.write("table.txt", damaged)
      let (table, complaint) = file.read()
      #expect(table.times.isEmpty && complaint != nil, "byte \(i)")
      folder.write("table.txt", Array(bytes[..<i]))
      #expect(file.read().table.times.isEmpty && file.read().complaint != nil, "\(i) bytes")
    }
    folder.write("table.txt", Array("something else\n".utf8))
    #expect(file.read().complaint != nil)
    try file.add([key("Conv"): 7])
    #expect(file.read().table.times == [key("Conv"): 7])
  }

  @Test func sizeIsBounded() throws {
    var many: [TuningTable.Key: Double] = [:]
    for i in 0..<TuningFile.capacity { many[key("old \(i)")] = 1 }
    try file.add(many)
    try file.add([key("new"): 2, key(String(repeating: "x", count: 10_000)): 3, key("two\nlines"): 4])
    let times = file.read().table.times
    #expect(times.count == TuningFile.capacity)
    #expect(times[key("new")] == 2)
    #expect(!times.keys.contains { $0.request.count > 9_000 || $0.request.contains("\n") })
    #expect(TuningFile(path: "/dev/zero", head: []).read().complaint != nil)
    #expect(TuningFile(path: folder.path, head: []).read().complaint != nil)
  }

  /// Whoever writes and reads at once finds a whole table.
  @Test func writersAtOnceLeaveAWholeTable() async throws {
    let file = file
    await withTaskGroup(of: Bool.self) { group in
      for writer in 0..<4 {
        group.addTask {
          for i in 0..<20 {
            try? TuningFile(path: file.path, head: file.head).add([
              TuningTable.Key(request: "\(writer) \(i)", kernel: "k", version: 1, offer: 0): 1
            ])
            if file.read().complaint != nil { return false }
          }
          return true
        }
      }
      for await isWhole in group { #expect(isWhole) }
    }
    #expect(!file.read().table.times.isEmpty)
  }
}
