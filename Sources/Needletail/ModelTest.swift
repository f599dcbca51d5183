import Host
import Kernels
import Tensors

/// A model with recorded data.
package struct ModelTestCase: Hashable, Sendable {
  /// The folder, seen from where the search began.
  package var name: String
  package var modelPath: String
  package var sets: [RecordedSet]

  package init(name: String, modelPath: String, sets: [RecordedSet]) {
    self.name = name
    self.modelPath = modelPath
    self.sets = sets
  }

  /// Every folder at or below `root` that holds a model beside recorded sets, in the order of their names.
  package static func find(below root: String) -> [ModelTestCase] {
    var cases: [ModelTestCase] = []
    func visit(_ folder: String, _ name: String, depth: Int) {
      let entries = folderEntries(folder)
      let sets = RecordedSet.sets(in: folder)
      let models = entries.filter { $0.hasSuffix(".onnx") }
      if !sets.isEmpty {
        for model in models {
          let stem = name.isEmpty ? String(folder.split(separator: "/").last ?? "model") : name
          cases.append(
            ModelTestCase(
              name: models.count == 1 ? stem : "\(stem)/\(model.dropLast(5))",
              modelPath: folder + "/" + model,
              sets: sets))
        }
      }
      if depth == 0 { return }
      for entry in entries where !entry.hasPrefix(".") && !entry.hasPrefix("test_data_set_") {
        let path = folder + "/" + entry
        if isFolder(path) && !isLink(path) {
          visit(path, name.isEmpty ? entry : "\(name)/\(entry)", depth: depth - 1)
        }
      }
    }
    visit(root, "", depth: 16)
    return cases
  }
}

/// What came of a case.
package enum ModelTestResult: Hashable, Sendable {
  case passed
  case failed(String)
  /// The model says of something in it that it is not supported.
  case refused(String)

  package var name: String {
    switch self {
    case .passed: "passed"
    case .failed: "failed"
    case .refused: "refused"
    }
  }

  package var reason: String {
    switch self {
    case .passed: ""
    case .failed(let reason), .refused(let reason): reason
    }
  }
}

/// Runs models on their recorded inputs and compares with their recorded outputs.
package struct ModelTestRunner: Sendable {
  package var backends: [BackendChoice]
  package var optimizations: [Optimization]
  package var tolerance: Tolerance
  package var threads: Int?

  package init(
    backends: [BackendChoice], optimizations: [Optimization], tolerance: Tolerance, threads: Int? = nil
  ) {
    self.backends = backends
    self.optimizations = optimizations
    self.tolerance = tolerance
    self.threads = threads
  }

  /// The first failure of any set on any backend; never throws.
  package func run(_ test: ModelTestCase) -> ModelTestResult {
    do {
      let model = try Model(contentsOf: test.modelPath)
      for optimization in optimizations {
        let compiled = try model.compile(CompileOptions(optimization: optimization, tuningSeconds: 0.2))
        for backend in backends {
          for set in test.sets {
            if let reason = try failure(of: set, model, compiled, backend) {
              return .failed("\(backend.rawValue), \(optimization.rawValue), \(set.name): \(reason)")
            }
          }
        }
      }
      return .passed
    } catch let error as EngineError {
      return error.kind == .modelRejected ? .refused(error.description) : .failed(error.description)
    } catch {
      return .failed("\(error)")
    }
  }

  private func failure(
    of set: RecordedSet, _ model: Model, _ compiled: CompiledModel, _ backend: BackendChoice
  )
    throws -> String?
  {
    let expected = try set.outputs(of: model)
    if expected.allSatisfy({ $0 == nil }) { return "no recorded output" }
    let request = try compiled.makeRequest(backend: backend, threads: threads)
    let results: [String: RuntimeValue]
    do { results = try request.run(values: try set.inputs(of: model)) } catch { return "\(error)" }
    for (port, expected) in zip(model.outputs, expected) {
      guard let expected else { continue }
      if model.drawsAtRandom {
        let actual = results[port.name] ?? .absent
        if kind(actual) == kind(expected) { continue }
        return "output '\(port.name)': expected \(kind(expected)), found \(kind(actual))"
      }
      if let reason = try difference(results[port.name] ?? .absent, expected) {
        return "output '\(port.name)': \(reason)"
      }
    }
    return nil
  }

  private func difference(_ actual: RuntimeValue, _ expected: RuntimeValue) throws -> String? {
    switch (actual, expected) {
    case (.tensor(let actual), .tensor(let expected)):
      let difference = try TensorDifference(actual, expected: expected, tolerance)
      guard !difference.isWithin, let reason = difference.reason else { return nil }
      if !difference.isComparable { return reason }
      return
        "\(reason) (\(difference.beyondCount) of \(difference.elementCount) elements beyond the tolerance)"
    case (.sequence(let actual), .sequence(let expected)):
      if actual.count != expected.count {
        return "expected a sequence of \(expected.count), found one of \(actual.count)"
      }
      for (i, pair) in zip(actual, expected).enumerated() {
        if let reason = try difference(pair.0, pair.1) { return "item \(i): \(reason)" }
      }
      return nil
    case (.absent, .absent): return nil
    case (.map(let keys, let values), .map(let expectedKeys, let expectedValues)):
      if let reason = try difference(.tensor(keys), .tensor(expectedKeys)) { return "keys: \(reason)" }
      return try difference(.tensor(values), .tensor(expectedValues)).map { "values: \($0)" }
    default: return "expected \(kind(expected)), found \(kind(actual))"
    }
  }

  private func kind(_ value: RuntimeValue) -> String {
    switch value {
    case .tensor(let tensor): "\(tensor.type)"
    case .sequence: "a sequence"
    case .map: "a map"
    case .absent: "nothing"
    }
  }
}
