import Foundation
import Needletail
import RecordedData
import Reports
import Testing

@testable import NeedletailBenchmarks

/// Plans cost what is committed in Benchmarks/Thresholds, to the byte.
@Suite struct ThresholdTests {
  static let command = "if this is meant: needletail-benchmarks thresholds --write"

  /// Beside the test bundle.
  static let probe: String? = {
    let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let path = folder.appendingPathComponent("AllocationProbe").path
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }()

  @Test(arguments: ThresholdModel.all)
  func plansCostWhatIsCommitted(_ model: ThresholdModel) throws {
    guard let isa = ThresholdFile.isa else {
      return print("Thresholds: NEEDLETAIL_ISA is set, \(model) is left out.")
    }
    guard let path = model.path(package: Folders.package, data: Folders.shared) else { return }
    let file = model.file(package: Folders.package, isa: isa)
    guard FileManager.default.fileExists(atPath: file) else {
      // Another processor than those that numbers were taken on; on one of those the file must be there.
      let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
      #expect(!FileManager.default.fileExists(atPath: folder), "\(file) is missing; \(Self.command)")
      return print("Thresholds: no numbers for \(isa), \(model) is left out.")
    }
    #if DEBUG
      // Closures that the optimizer would remove are allocated.
      let probe: String? = nil
    #else
      let probe = try #require(Self.probe, "AllocationProbe was not built")
    #endif
    let recorded = try ThresholdFile(
      JSON.parse(String(decoding: Folders.contents(of: file), as: UTF8.self)), name: file)
    let found = try ThresholdFile(of: path, named: model.name, isa: isa, probe: probe)
    let changes = found.changes(from: recorded)
    for line in changes.skipped { print("Thresholds: \(line); left out.") }
    #expect(changes.differences == [], "\(Self.command)")
  }

  static let row = ThresholdRow(
    backend: .simd, library: "avx512", steps: 10, reorders: 2, arenaBytes: 4096, allocations: 0)

  @Test func everyChangeIsToldWithBothNumbers() {
    let old = ThresholdFile(model: "m", isa: "avx512", rows: [Self.row])
    #expect(old.changes(from: old).differences == [])
    var row = Self.row
    row.steps = 11
    row.reorders = 3
    row.arenaBytes = 4097
    row.allocations = 5
    let new = ThresholdFile(model: "m", isa: "avx512", rows: [row])
    #expect(
      new.changes(from: old).differences == [
        "m on simd: steps 10 → 11", "m on simd: reorders 2 → 3", "m on simd: arena_bytes 4096 → 4097",
        "m on simd: allocations_of_10_runs 0 → 5",
      ])
  }

  @Test func otherLibrariesAreNotCompared() {
    var row = Self.row
    row.steps = 11
    row.library = "avx2"
    let old = ThresholdFile(model: "m", isa: "avx512", rows: [Self.row])
    let changed = ThresholdFile(model: "m", isa: "avx512", rows: [row]).changes(from: old)
    #expect(changed.differences == [])
    #expect(changed.skipped == ["m on simd: recorded with avx512, here is avx2"])
    let missing = ThresholdFile(model: "m", isa: "avx512", rows: []).changes(from: old)
    #expect(missing.skipped == ["m on simd: the backend is not there"])
    #expect(
      old.changes(from: ThresholdFile(model: "m", isa: "avx512", rows: [])).differences == [
        "m on simd: not recorded"
      ])
  }

  @Test func filesReadBack() throws {
    var naive = Self.row
    naive.backend = .naive
    naive.allocations = nil
    let file = ThresholdFile(model: "m", isa: "avx512", rows: [Self.row, naive])
    #expect(try ThresholdFile(JSON.parse(file.json.text), name: "f") == file)
    #expect(throws: ThresholdError.self) { try ThresholdFile(.object([("schema", .integer(2))]), name: "f") }
    #expect(throws: ThresholdError.self) { try ThresholdFile(.object([("schema", .integer(1))]), name: "f") }
  }
}
