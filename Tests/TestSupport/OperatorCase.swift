import IR
import Kernels
import Operators
import Tensors

/// One operator, its operands and what must come out: data that every backend is tested with.
package struct OperatorCase: Sendable, CustomStringConvertible {
  /// How close a result must be to the expectation.
  package enum Tolerance: Sendable {
    /// The same elements; zeros of either sign and NaNs are equal.
    case exact
    /// |found − expected| ≤ absolute + relative · |expected|.
    case close(relative: Double, absolute: Double)

    /// Results of functions in float32.
    package static let float32 = Tolerance.close(relative: 1e-6, absolute: 1e-7)
  }

  /// Unique in the suite: `Conv/3x3/stride2`.
  package var name: String
  package var op: any Operator
  package var inputs: [RuntimeValue?]
  package var epilogue: Epilogue
  package var epilogueInputs: [Tensor]
  /// nil: not wanted. Of a case with a fault, only types count.
  package var expected: [RuntimeValue?]
  package var tolerance: Tolerance
  /// What must be thrown instead of a result.
  package var fault: KernelFault?

  package init(
    _ name: String, _ op: any Operator, _ inputs: [RuntimeValue?], epilogue: [Epilogue.Step] = [],
    with epilogueInputs: [Tensor] = [], gives expected: [RuntimeValue?], _ tolerance: Tolerance = .exact,
    fault: KernelFault? = nil
  ) {
    self.name = name
    self.op = op
    self.inputs = inputs
    self.epilogue = Epilogue(epilogue)
    self.epilogueInputs = epilogueInputs
    self.expected = expected
    self.tolerance = tolerance
    self.fault = fault
  }

  package var description: String { name }
  package var wanted: [Bool] { expected.map { $0 != nil } }

  /// Whether a plan can hold it: every operand and result is a tensor of numbers.
  package var isPlannable: Bool {
    (inputs + expected).allSatisfy { value in
      guard let value else { return true }
      guard let tensor = value.tensor else { return false }
      return tensor.dataType != .string
    }
  }

  /// The case as a graph of one node, its operands inputs named `x0`, `x1`, … or constants; outputs `y0`, ….
  package func graph(frozen: Bool) throws(GraphError) -> Graph {
    var graph = Graph(name: name)
    func type(_ value: RuntimeValue) -> ValueType {
      switch value {
      case .tensor(let tensor): .tensor(tensor.type)
      case .sequence(let items):
        // Items of different shapes have a type that says nothing of the shape.
        if Set(items.map(type)).count > 1, let first = items.first?.tensor {
          .sequence(.tensor(first.dataType, nil))
        } else {
          .sequence(items.first.map(type) ?? .unknown)
        }
      case .map: .unknown
      case .absent: .optional(.unknown)
      }
    }
    func add(_ value: RuntimeValue, _ label: String, to graph: inout Graph) -> ValueID {
      if frozen, let tensor = value.tensor {
        return graph.addConstant(label, Constant(id: ConstantID(of: "\(name) \(label)"), tensor))
      }
      return graph.addInput(label, type(value))
    }
    var operands: [ValueID?] = []
    for (i, input) in inputs.enumerated() { operands.append(input.map { add($0, "x\(i)", to: &graph) }) }
    let others = epilogueInputs.enumerated().map { add(.tensor($1), "e\($0)", to: &graph) }
    let results = try graph.addNode(
      op, operands, epilogue: epilogue, with: others,
      outputs: expected.enumerated().map { $1 == nil ? nil : "y\($0)" }, named: "node")
    for (i, result) in results.enumerated() {
      if let result { graph.addOutput("y\(i)", result) }
    }
    return graph
  }

  /// Values for the inputs of `graph(frozen: false)`, in their order.
  package var graphInputs: [(name: String, value: RuntimeValue)] {
    inputs.enumerated().compactMap { i, value in value.map { ("x\(i)", $0) } }
      + epilogueInputs.enumerated().map { ("e\($0)", .tensor($1)) }
  }

  // MARK: - Comparing

  /// What is wrong with `results`; nil when they are as expected.
  package func mismatch(_ results: [RuntimeValue?], tolerance: Tolerance? = nil) -> String? {
    for (i, expectation) in expected.enumerated() {
      guard let expectation else { continue }
      guard i < results.count, let result = results[i] else { return "result \(i) is missing" }
      if let reason = Self.mismatch(result, expectation, tolerance ?? self.tolerance) {
        return "result \(i): \(reason)"
      }
    }
    return nil
  }

  private static func mismatch(_ found: RuntimeValue, _ expected: RuntimeValue, _ tolerance: Tolerance)
    -> String?
  {
    switch (found, expected) {
    case (.absent, .absent): return nil
    case (.map(let keys, let values), .map(let expectedKeys, let expectedValues)):
      return mismatch(keys, expectedKeys, .exact) ?? mismatch(values, expectedValues, tolerance)
    case (.tensor(let found), .tensor(let expected)): return mismatch(found, expected, tolerance)
    case (.sequence(let found), .sequence(let expected)):
      if found.count != expected.count { return "\(found.count) items, expected \(expected.count)" }
      for (i, pair) in zip(found, expected).enumerated() {
        if let reason = mismatch(pair.0, pair.1, tolerance) { return "item \(i): \(reason)" }
      }
      return nil
    default: return "another kind of value"
    }
  }

  package static func mismatch(_ found: Tensor, _ expected: Tensor, _ tolerance: Tolerance) -> String? {
    if found.dataType != expected.dataType || found.sizes != expected.sizes {
      return "\(found.type), expected \(expected.type)"
    }
    if found.dataType == .string {
      return found.strings == expected.strings ? nil : "\(found.strings), expected \(expected.strings)"
    }
    if expected.dataType.isInteger {
      guard let a = try? found.int64s(), let b = try? expected.int64s() else { return "unreadable" }
      return a == b ? nil : difference(a, b, in: expected.sizes) { $0 == $1 }
    }
    guard let a = try? found.doubles(), let b = try? expected.doubles() else { return "unreadable" }
    return difference(a, b, in: expected.sizes) { a, b in
      if a == b || (a.isNaN && b.isNaN) { return true }
      guard case .close(let relative, let absolute) = tolerance else { return false }
      return (a - b).magnitude <= absolute + relative * b.magnitude
    }
  }

  private static func difference<T>(_ found: [T], _ expected: [T], in sizes: [Int], _ agree: (T, T) -> Bool)
    -> String?
  {
    let wrong = found.indices.filter { !agree(found[$0], expected[$0]) }
    guard let first = wrong.first else { return nil }
    var rest = first
    var index: [Int] = []
    for size in sizes.reversed() {
      index.insert(rest % size, at: 0)
      rest /= size
    }
    return
      "\(wrong.count) of \(found.count) elements of \(sizes) differ, at \(index): \(found[first]), expected \(expected[first])"
  }
}
