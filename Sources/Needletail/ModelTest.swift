import Host
import IR
import Kernels
import Operators
import Tensors

/// A model with recorded data.
package struct ModelTestCase: Hashable, Sendable {
  /// The folder, seen from where the search began.
  package var name: String
  package var modelPath: String
  package var sets: [RecordedSet]
  /// Goes before that of the runner.
  package var tolerance: Tolerance?
  /// Outputs by name, and the inputs of the next set that they are.
  package var carried: [String: String] = [:]

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
  package func run(_ test: ModelTestCase) -> ModelTestResult { outcome(of: test).result }

  /// The same, with the operators of the model: of a refused one those that are not supported.
  package func outcome(of test: ModelTestCase) -> (result: ModelTestResult, operators: [String]) {
    var operators: [String] = []
    do {
      let model = try Model(contentsOf: test.modelPath)
      operators = model.file.operatorCounts.map(\.name)
      for optimization in optimizations {
        let compiled = try model.compile(CompileOptions(optimization: optimization, tuningSeconds: 0.2))
        for backend in backends {
          var state: [String: RuntimeValue] = [:]
          for set in test.sets {
            if let reason = try failure(of: set, test, model, compiled, backend, &state) {
              return (
                .failed("\(backend.rawValue), \(optimization.rawValue), \(set.name): \(reason)"), operators
              )
            }
          }
        }
      }
      return (.passed, operators)
    } catch let error as EngineError {
      if error.kind != .modelRejected { return (.failed(error.description), operators) }
      return (.refused(error.description), Self.unsupported(in: error.description))
    } catch {
      return (.failed("\(error)"), operators)
    }
  }

  /// Names of operators in a refusal, a line each: `  Operator (opset 17) 'node': reason`.
  private static func unsupported(in text: String) -> [String] {
    var names: Set<String> = []
    for line in text.split(separator: "\n") where line.hasPrefix("  ") {
      let words = line.split(separator: " ", maxSplits: 2)
      if words.count == 3, words[1] == "(opset" { names.insert(String(words[0])) }
    }
    return names.sorted()
  }

  /// `state`: inputs that the set before left; replaced by those for the next.
  private func failure(
    of set: RecordedSet, _ test: ModelTestCase, _ model: Model, _ compiled: CompiledModel,
    _ backend: BackendChoice,
    _ state: inout [String: RuntimeValue]
  ) throws -> String? {
    let expected = try set.outputs(of: model)
    if expected.allSatisfy({ $0 == nil }) { return "no recorded output" }
    let request = try compiled.makeRequest(backend: backend, threads: threads)
    let inputs = try set.inputs(of: model).merging(state) { _, carried in carried }
    let results: [String: RuntimeValue]
    do { results = try request.run(values: inputs) } catch { return "\(error)" }
    state = [:]
    for (output, input) in test.carried {
      guard let value = results[output], model.inputs.contains(where: { $0.name == input }) else {
        return "carry.json names '\(output)' and '\(input)', which the model does not have"
      }
      state[input] = value
    }
    for (i, pair) in zip(model.outputs, expected).enumerated() {
      guard let expected = pair.1 else { continue }
      let actual = results[pair.0.name] ?? .absent
      if model.drawsAtRandom {
        if actual.kindText == expected.kindText { continue }
        return "output '\(pair.0.name)': expected \(expected.kindText), found \(actual.kindText)"
      }
      var tolerance = test.tolerance ?? tolerance
      tolerance.steps = model.graph.quantizedSteps(ofOutput: i)
      if let reason = try actual.difference(from: expected, tolerance) {
        let steps = tolerance.steps.map { "; \($0)" } ?? ""
        return "output '\(pair.0.name)': \(reason)\(steps)"
      }
    }
    return nil
  }
}
