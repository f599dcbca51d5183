import Glibc
import IR
import Operators
import Passes
import Tensors
import Testing

/// One golden: passes, a graph before them, `---`, and what it is afterwards with what the rules said.
///
/// ```
/// // pass: no-operations
/// graph(%x: float32[N]) -> (%y) { … }
/// ---
/// graph(%x: float32[N]) -> (y=%x) { }
/// // 1 × drop-identity
/// ```
struct Golden: CustomTestStringConvertible, Sendable {
  var path: String
  var passes: [String]
  /// Largest difference allowed; nil: every bit is the same.
  var tolerance: Double?
  /// Whether 0 may become −0: what is computed from other constants has its own zeros.
  var ignoresZeroSigns = false
  var before: String
  var after: String
  var testDescription: String { String(path.split(separator: "/").last ?? "") }

  static let folder: String = {
    let here = #filePath
    return String(here[..<(here.lastIndex(of: "/") ?? here.endIndex)]) + "/Goldens"
  }()

  static let all: [Golden] = {
    var names: [String] = []
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".txt") { names.append(name) }
    }
    return names.sorted().map { Golden(path: folder + "/" + $0) }
  }()

  init(path: String) {
    self.path = path
    let text = Golden.read(path)
    passes = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("// pass: ") {
        passes = line.dropFirst(9).split(separator: ",").map { String($0.filter { $0 != " " }) }
      }
      if line == "// zeros: any sign" { ignoresZeroSigns = true }
      if line.hasPrefix("// tolerance: ") { tolerance = Double(line.dropFirst(14)) }
    }
    let parts = text.split(separator: "---\n", maxSplits: 1, omittingEmptySubsequences: false)
    before = String(parts[0])
    after = parts.count > 1 ? String(parts[1]) : ""
  }

  static func read(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  func record(_ after: String) {
    guard let file = fopen(path, "w") else { return }
    defer { fclose(file) }
    fputs(before + "---\n" + after, file)
  }
}

func parsed(_ text: String) throws -> Graph {
  try Graph(text: text, operatorNamed: { Catalog.type(named: $0) })
}

@Suite struct GoldenTests {
  @Test(arguments: Golden.all) func golden(_ golden: Golden) throws {
    let original = try parsed(golden.before)
    #expect(try parsed(original.text()).text() == original.text(), "parse∘print is the identity")
    let (graph, notes) = try run(golden, on: original)
    let text = graph.text() + notes
    if let record = getenv("RECORD"), record.pointee == UInt8(ascii: "1") {
      golden.record(text)
      Issue.record("recorded \(golden.testDescription)")
    } else {
      #expect(text == golden.after)
    }
    #expect(try parsed(graph.text()).text() == graph.text(), "parse∘print is the identity")
    let (again, _) = try run(golden, on: graph)
    #expect(again.text() == graph.text(), "pass∘pass is the pass")
    if text == original.text() + notes { return }
    try expectSameMeaning(
      original, graph, tolerance: golden.tolerance, ignoringZeroSigns: golden.ignoresZeroSigns)
  }

  private func run(_ golden: Golden, on original: Graph) throws -> (Graph, notes: String) {
    var graph = original
    let passes = try golden.passes.map { name in
      try #require(PassCatalog.all.first { $0.name == name }, "no pass \(name)")
    }
    #expect(!passes.isEmpty)
    let reports = Pipeline([Stage("golden", passes)]).run(
      on: &graph, in: Evaluator.context, options: .init(verifies: true))
    var notes = ""
    for report in reports {
      for hits in report.log.hits { notes += "// \(hits.count) × \(hits.rule)\n" }
      for refusal in report.log.declines {
        notes += "// \(refusal.rule) declines \(refusal.node): \(refusal.reason)\n"
      }
      for failure in report.log.failures {
        Issue.record("\(failure.rule) fails at \(failure.node): \(failure.reason)")
      }
    }
    return (graph, notes)
  }
}

/// Both graphs give the same bits for small integers, or the same numbers within a tolerance.
func expectSameMeaning(
  _ a: Graph, _ b: Graph, tolerance: Double? = nil, ignoringZeroSigns: Bool = false, seed: UInt64 = 7
) throws {
  let inputs = try Evaluator.inputs(of: a, seed: seed)
  let expected = try Evaluator.run(a, inputs)
  let found = try Evaluator.run(b, inputs)
  #expect(expected.count == found.count)
  for (x, y) in zip(expected, found) {
    let (x, y) = (try #require(x?.tensor), try #require(y?.tensor))
    #expect(x.sizes == y.sizes && x.dataType == y.dataType)
    guard x.sizes == y.sizes, x.dataType == y.dataType else { continue }
    let (p, q) = (try x.doubles(), try y.doubles())
    if let tolerance {
      #expect(zip(p, q).allSatisfy { ($0 - $1).magnitude <= tolerance }, "seed \(seed)")
    } else if ignoringZeroSigns {
      #expect(p == q, "seed \(seed)")
    } else {
      #expect(p.map(\.bitPattern) == q.map(\.bitPattern), "seed \(seed)")
    }
  }
}
