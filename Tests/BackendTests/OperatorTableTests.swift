import Foundation
import IR
import Kernels
import NaiveKernels
import ONNX
import OneDNNKernels
import OpenBLASKernels
import OperatorSuite
import Operators
import SIMDKernels
import Tensors
import TestSupport
import Testing

/// `docs/operators.md` says what this build does. Set `RECORD=1` to write it anew: the test then fails once.
@Suite struct OperatorTableTests {
  private static let path =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/docs/operators.md"

  /// In the order of the columns; nil where a library is missing.
  private static let backends: [any Backend]? = {
    guard let simd = try? SIMDBackend.load(), let openBLAS = try? OpenBLASBackend.load(),
      let oneDNN = try? OneDNNBackend.load()
    else { return nil }
    return [simd, openBLAS, oneDNN]
  }()

  @Test(.enabled(if: backends != nil, "a library is missing, so its column would be empty"))
  func tableIsUpToDate() throws {
    let expected = try Self.page()
    let found = (try? String(contentsOfFile: Self.path, encoding: .utf8)) ?? ""
    if ProcessInfo.processInfo.environment["RECORD"] == "1" {
      try expected.write(toFile: Self.path, atomically: true, encoding: .utf8)
      Issue.record("recorded \(Self.path)")
      return
    }
    let (new, old) = (expected.split(separator: "\n"), found.split(separator: "\n"))
    let difference = zip(new, old).first { $0 != $1 }.map { "'\($1)' should be '\($0)'" } ?? "its end"
    #expect(expected == found, "docs/operators.md differs (RECORD=1 writes it): \(difference)")
  }

  private static func page() throws -> String {
    var lines = [
      "# Operators", "",
      "Written by a test from the import rules, the catalog and the kernels: `RECORD=1 scripts/test --filter OperatorTableTests`.",
      "", "## Read from ONNX", "",
      "Versions of the operator set whose form of the operator is known. What a version does not have is refused by name.",
      "", "| Operator | Versions |", "|---|---|",
    ]
    for name in ImportRules.operatorNames {
      let parts = name.components(separatedBy: "::")
      let rules = ImportRules.rules(for: parts[parts.count - 1], domain: parts.count > 1 ? parts[0] : "")
      let versions = rules.map(\.versions).sorted { $0.lowerBound < $1.lowerBound }.map {
        $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)"
      }
      lines.append("| \(name) | \(versions.joined(separator: ", ")) |")
    }
    lines += [
      "", "## Element types by backend", "",
      "Operators of the vocabulary (several of ONNX may share one, told apart by attributes) and the types of their first operand,",
      "or of their result where they have none, with which some case of the operator suite runs. `naive` is what every other",
      "backend hands over what it does not take. Kernels of libraries may be slower than those of `simd`: `auto` measures.",
      "", "| Operator | naive | simd | openblas | onednn |", "|---|---|---|---|---|",
    ]
    for type in Catalog.operators {
      var cells = [naiveTypes(type.name)]
      for backend in backends ?? [] { cells.append(types(type.name, of: backend)) }
      lines.append("| \(type.name) | \(cells.map(short).joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: - Element types

  private static func naiveTypes(_ name: String) -> Set<DataType> {
    accepted(name) { test in
      guard (try? test.graph(frozen: true)) != nil else { return false }
      return (try? evaluate(test.op, test.inputs, wanted: test.wanted)) != nil
    }
  }

  private static func types(_ name: String, of backend: any Backend) -> Set<DataType> {
    let kernels = backend.kernels.filter { $0.operatorName == name }
    if kernels.isEmpty { return [] }
    return accepted(name) { test in
      guard (try? test.graph(frozen: true)) != nil else { return false }
      return [true, false].contains { frozen in
        guard let request = test.request(frozen: frozen) else { return false }
        return kernels.contains { if case .accepts = $0.consider(request) { true } else { false } }
      }
    }
  }

  /// Types with which `isTaken` holds for a case of the operator.
  private static func accepted(_ name: String, _ isTaken: (OperatorCase) -> Bool) -> Set<DataType> {
    var found: Set<DataType> = []
    for test in OperatorSuite.cases(of: name) where test.fault == nil && test.epilogue.isEmpty {
      for type in DataType.allCases where !found.contains(type) {
        if let typed = test.typed(type), isTaken(typed) { found.insert(type) }
      }
    }
    return found
  }

  /// Families of types by one word.
  private static func short(_ types: Set<DataType>) -> String {
    if types.isEmpty { return "–" }
    if types.count == DataType.allCases.count { return "all" }
    var rest = types
    var words: [String] = []
    for (word, members) in families where Set(members).isSubset(of: rest) {
      words.append(word)
      rest.subtract(members)
    }
    return (words + DataType.allCases.filter { rest.contains($0) }.map(\.rawValue)).joined(separator: ", ")
  }

  private static let families: [(String, [DataType])] = [
    ("floats", [.float64, .float32, .float16, .bfloat16]),
    ("float8", [.float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ]),
    ("integers", [.int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8]),
    ("int4 and int2", [.int4, .int2, .uint4, .uint2]), ("complex", [.complex64, .complex128]),
  ]
}

extension OperatorCase {
  /// The case with the type of its first operand (or of its result) replaced wherever it comes; nil: not possible.
  fileprivate func typed(_ type: DataType) -> OperatorCase? {
    guard let own = (inputs + expected).lazy.compactMap({ $0?.tensor?.dataType }).first else {
      // Sequences hold what they hold.
      return nil
    }
    if own == type { return self }
    if inputs.allSatisfy({ $0?.tensor == nil }) { return nil }
    func converted(_ value: RuntimeValue?) -> RuntimeValue?? {
      guard let tensor = value?.tensor, tensor.dataType == own else { return .some(value) }
      if type == .string {
        let texts = (0..<tensor.elementCount).map { Array("\($0)".utf8) }
        return (try? Tensor(strings: texts, sizes: tensor.sizes)).map { .tensor($0) }
      }
      if type.isComplex {
        return (try? Tensor(uninitialized: type, sizes: tensor.sizes)).map { .tensor($0) }
      }
      guard own != .string, !own.isComplex, let values = try? tensor.doubles() else { return .none }
      let limit: Double = type == .bool ? 1 : (type.bitWidth ?? 8) < 8 ? 1 : 100
      let small = values.map { max(min($0.isNaN ? 0 : $0, limit), type.isUnsignedInteger ? 0 : -limit) }
      return (try? Tensor.fromDoubles(small, dataType: type, sizes: tensor.sizes)).map { .tensor($0) }
    }
    var copy = self
    for i in inputs.indices {
      guard let value = converted(inputs[i]) else { return nil }
      copy.inputs[i] = value
    }
    for i in expected.indices {
      guard let value = converted(expected[i]) else { return nil }
      copy.expected[i] = value
    }
    return copy
  }
}
