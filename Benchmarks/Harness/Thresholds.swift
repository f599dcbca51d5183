import Host
import Needletail
import Reports

/// What a plan of a model costs on one backend, in numbers that do not depend on the time of day.
package struct ThresholdRow: Equatable, Sendable {
  package var backend: BackendChoice
  /// The backend's library or instructions, whose other versions plan otherwise.
  package var library: String
  package var steps: Int
  package var reorders: Int
  package var arenaBytes: Int
  /// Our own, of ten bound runs after the first ones; nil: not counted.
  package var allocations: Int?

  package init(
    backend: BackendChoice, library: String, steps: Int, reorders: Int, arenaBytes: Int, allocations: Int?
  ) {
    self.backend = backend
    self.library = library
    self.steps = steps
    self.reorders = reorders
    self.arenaBytes = arenaBytes
    self.allocations = allocations
  }
}

/// The committed numbers of a model for one instruction set, at batch 1 on one thread.
package struct ThresholdFile: Equatable, Sendable {
  package var model: String
  package var isa: String
  package var rows: [ThresholdRow]

  package init(model: String, isa: String, rows: [ThresholdRow]) {
    self.model = model
    self.isa = isa
    self.rows = rows
  }
}

/// A file of thresholds that cannot be read.
package struct ThresholdError: Error, CustomStringConvertible {
  package let description: String
}

// MARK: - Text

extension ThresholdFile {
  package var json: JSON {
    .object([
      ("schema", .integer(1)), ("model", .string(model)), ("isa", .string(isa)), ("threads", .integer(1)),
      ("batch_items", .integer(1)),
      (
        "rows",
        .array(
          rows.map { row in
            .object([
              ("backend", .string(row.backend.rawValue)), ("library", .string(row.library)),
              ("steps", .integer(row.steps)), ("reorders", .integer(row.reorders)),
              ("arena_bytes", .integer(row.arenaBytes)), ("allocations_of_10_runs", JSON(row.allocations)),
            ])
          })
      ),
    ])
  }

  package init(_ json: JSON, name: String) throws(ThresholdError) {
    guard json["schema"]?.integer == 1 else {
      throw ThresholdError(description: "\(name): expected schema 1")
    }
    guard let model = json["model"]?.string, let isa = json["isa"]?.string, let rows = json["rows"]?.array
    else {
      throw ThresholdError(description: "\(name): expected model, isa and rows")
    }
    self.model = model
    self.isa = isa
    self.rows = []
    for (i, row) in rows.enumerated() {
      guard let backend = row["backend"]?.string.flatMap({ BackendChoice(rawValue: $0) }),
        let library = row["library"]?.string, let steps = row["steps"]?.integer,
        let reorders = row["reorders"]?.integer, let bytes = row["arena_bytes"]?.integer
      else {
        throw ThresholdError(
          description: "\(name), row \(i + 1): expected backend, library, steps, reorders and arena_bytes")
      }
      self.rows.append(
        ThresholdRow(
          backend: backend, library: library, steps: steps, reorders: reorders, arenaBytes: bytes,
          allocations: row["allocations_of_10_runs"]?.integer))
    }
  }
}

// MARK: - Comparing

extension ThresholdFile {
  /// What differs from `old`, each with both numbers, and what could not be compared.
  ///
  /// A backend that is missing here, or stands on another version of its library, is not compared.
  package func changes(from old: ThresholdFile) -> (differences: [String], skipped: [String]) {
    var differences: [String] = []
    var skipped: [String] = []
    for before in old.rows {
      let name = "\(model) on \(before.backend.rawValue)"
      guard let now = rows.first(where: { $0.backend == before.backend }) else {
        skipped.append("\(name): the backend is not there")
        continue
      }
      guard now.library == before.library else {
        skipped.append("\(name): recorded with \(before.library), here is \(now.library)")
        continue
      }
      func compare(_ what: String, _ a: Int, _ b: Int) {
        if a != b { differences.append("\(name): \(what) \(a) → \(b)") }
      }
      compare("steps", before.steps, now.steps)
      compare("reorders", before.reorders, now.reorders)
      compare("arena_bytes", before.arenaBytes, now.arenaBytes)
      if let a = before.allocations, let b = now.allocations { compare("allocations_of_10_runs", a, b) }
    }
    for row in rows where !old.rows.contains(where: { $0.backend == row.backend }) {
      differences.append("\(model) on \(row.backend.rawValue): not recorded")
    }
    return (differences, skipped)
  }
}

// MARK: - Taking

extension ThresholdFile {
  /// The instruction set that files are named by; nil when NEEDLETAIL_ISA asks for a lesser one than there is.
  package static var isa: String? {
    Backends.shared.limit == nil ? Backends.shared.instructions.rawValue : nil
  }

  /// Backends whose plans are the same every time: all but `auto`, which measures.
  package static let backends: [BackendChoice] = [.naive, .simd, .openblas, .onednn]

  /// Plans the model on every backend that is there. `probe`: the program that counts allocations; nil: do not count.
  package init(of path: String, named name: String, isa: String, probe: String?) throws {
    let model = try Model(contentsOf: path)
    let compiled = try model.compile()
    let values = try InputMaker(batch: model.batchSymbols.isEmpty ? nil : 1).values(for: model, .zeros)
    var rows: [ThresholdRow] = []
    for backend in Self.backends where Backends.shared.available.contains(backend) {
      let facts = try compiled.makeRequest(backend: backend, threads: 1).planFacts(for: values)
      let library = Backends.shared.registry.summaries.first { $0.id.name == backend.rawValue }?.summary ?? ""
      // Naive is the oracle, and allocates as it likes.
      let allocations = backend == .naive ? nil : try probe.map { try Self.allocations($0, path, backend) }
      rows.append(
        ThresholdRow(
          backend: backend, library: library, steps: facts.labels.count, reorders: facts.reorderCount,
          arenaBytes: facts.arenaByteCount, allocations: allocations))
    }
    self.init(model: name, isa: isa, rows: rows)
  }

  /// Counted in a process of its own, where nothing else allocates.
  private static func allocations(_ probe: String, _ path: String, _ backend: BackendChoice) throws -> Int {
    let result = try runProgram(probe, [path, backend.rawValue, "1", "10"], input: [])
    let text = String(decoding: result.output, as: UTF8.self)
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard result.exitCode == 0, numbers.count == 2, let own = numbers[0] else {
      throw ThresholdError(description: "\(probe) on \(path): \(text)")
    }
    return own
  }
}
