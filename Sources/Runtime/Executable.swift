import IR
import Kernels
import Synchronization
import Tensors

/// Everything of one input that a program depends on.
package enum InputKey: Hashable, Sendable {
  /// `contents`: the elements of a small integer tensor, where they decide sizes or a branch.
  case tensor(DataType, sizes: [Int], contents: [Int64]?)
  case other

  /// Larger tensors never hold shapes.
  package static let contentsLimit = 64

  /// The key without contents.
  package init(_ value: RuntimeValue?) {
    guard case .tensor(let tensor)? = value else {
      self = .other
      return
    }
    self = .tensor(tensor.dataType, sizes: tensor.sizes, contents: nil)
  }

  /// Whether the contents may matter: they are few integers.
  fileprivate var mayHaveContents: Bool {
    guard case .tensor(let dataType, let sizes, _) = self else { return false }
    return (dataType == .int64 || dataType == .int32) && sizes.count <= 1
      && (sizes.first ?? 1) <= Self.contentsLimit
  }

  fileprivate func adding(contentsOf value: RuntimeValue?) -> InputKey {
    guard case .tensor(let dataType, let sizes, _) = self, let tensor = value?.tensor else { return self }
    let contents =
      dataType == .int64
      ? try? tensor.elements(of: Int64.self)
      : (try? tensor.elements(of: Int32.self))?.map { Int64($0) }
    return .tensor(dataType, sizes: sizes, contents: contents)
  }
}

extension InputKey {
  /// Whether a tensor of the type and the sizes of this key also has its contents. Allocates nothing.
  package func hasContents(of tensor: Tensor) -> Bool {
    guard case .tensor(let dataType, _, let contents?) = self else { return true }
    return tensor.withBytes { bytes in
      for (i, expected) in contents.enumerated() {
        let found =
          dataType == .int32
          ? Int64(bytes.base.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self))
          : bytes.base.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self)
        if found != expected { return false }
      }
      return true
    }
  }
}

extension InputKey {
  /// Whether a value has this key. Allocates nothing.
  package func matches(_ value: RuntimeValue?) -> Bool {
    switch (self, value) {
    case (.tensor(let dataType, let sizes, _), .tensor(let tensor)?):
      dataType == tensor.dataType && sizes == tensor.sizes && hasContents(of: tensor)
    case (.other, .tensor?): false
    case (.other, _): true
    default: false
    }
  }
}

/// Makes programs: the compiler, seen from below.
package protocol PlanSource: Sendable {
  /// What all programs of the model share, those of graphs inside others too.
  var budget: PlanBudget { get }
  func program(for graph: Graph, inputs: [InputKey], path: String) throws(GraphError) -> Program
}

/// A closed graph and its programs, one for each binding that was asked for and that the budget still holds.
package final class Executable: Sendable {
  struct Entry: Sendable {
    var program: Program
    var byteCount: Int
    /// By the budget's clock.
    var lastUse: UInt64
  }

  package let graph: Graph
  /// Where it lies in the model, such as `If_3/then`: for reports.
  package let path: String
  private let source: any PlanSource
  private let budget: PlanBudget
  private let entries = Mutex<[[InputKey]: Entry]>([:])
  /// By the key without contents, which inputs have their contents in the key.
  private let demands = Mutex<[[InputKey]: [Bool]]>([:])
  private static let demandCapacity = 1024
  /// Steps of the run's budget that a new plan takes: a loop may ask for another one in every trip.
  private static let planSteps = 1 << 21

  package init(graph: Graph, path: String, source: any PlanSource) {
    self.graph = graph
    self.path = path
    self.source = source
    budget = source.budget
    budget.add(self)
  }

  deinit { budget.release(entries.withLock { $0.values.reduce(0) { $0 + $1.byteCount } }) }

  package func key(of inputs: [RuntimeValue?]) -> [InputKey] {
    let key = inputs.map { InputKey($0) }
    if !key.contains(where: \.mayHaveContents) { return key }
    return zip(zip(key, inputs), demand(for: key)).map { item, isDemanded in
      isDemanded ? item.0.adding(contentsOf: item.1) : item.0
    }
  }

  /// Which inputs have their contents in the key, for inputs of these types and sizes.
  private func demand(for key: [InputKey]) -> [Bool] {
    if let known = demands.withLock({ $0[key] }) { return known }
    let mayMatter = key.map(\.mayHaveContents)
    var demand = mayMatter
    if let operands = try? graph.operands(for: key), let bound = try? graph.inferred(operands) {
      demand = ContentDemand.of(bound, inputs: mayMatter)
    }
    demands.withLock { demands in
      if demands.count >= Self.demandCapacity { demands = [:] }
      demands[key] = demand
    }
    return demand
  }

  /// The program for inputs of these sizes, made now if it is not held.
  package func program(for key: [InputKey]) throws(GraphError) -> Program {
    let now = budget.now()
    let held = entries.withLock { entries in
      entries[key]?.lastUse = now
      return entries[key]?.program
    }
    if let held { return held }
    do { try RunBudget.current?.takeSteps(Self.planSteps) } catch {
      throw GraphError(.budget("the run would make more plans than it may: \(error)"))
    }
    let program = try source.program(for: graph, inputs: key, path: path)
    let byteCount = program.byteCount + key.reduce(0) { $0 + $1.byteCount }
    let first: Program? = entries.withLock { entries in
      if let first = entries[key]?.program { return first }
      entries[key] = Entry(program: program, byteCount: byteCount, lastUse: budget.now())
      return nil
    }
    // Another thread may have made it meanwhile.
    if let first { return first }
    budget.charge(byteCount)
    return program
  }

  /// What is held, as the budget weighs it.
  func weigh() -> [(key: [InputKey], byteCount: Int, lastUse: UInt64)] {
    entries.withLock { $0.map { ($0.key, $0.value.byteCount, $0.value.lastUse) } }
  }

  /// Gives up a program, unless it was used after `time`. Whoever runs it keeps it.
  func remove(_ key: [InputKey], unusedSince time: UInt64) -> Entry? {
    entries.withLock { entries in
      guard let entry = entries[key], entry.lastUse <= time else { return nil }
      return entries.removeValue(forKey: key)
    }
  }
}

extension InputKey {
  fileprivate var byteCount: Int {
    guard case .tensor(_, let sizes, let contents) = self else { return MemoryLayout<Self>.stride }
    return MemoryLayout<Self>.stride + 64 + 8 * (sizes.count + (contents?.count ?? 0))
  }
}

extension Graph {
  /// The types and contents of inputs with these keys. Throws where a type is not the graph's.
  package func operands(for keys: [InputKey]) throws(GraphError) -> [Operand?] {
    var operands: [Operand?] = []
    for (port, key) in zip(inputs, keys) {
      guard case .tensor(let dataType, let sizes, let contents) = key else {
        operands.append(nil)
        continue
      }
      let type = ValueType.tensor(TensorType(dataType, sizes: sizes))
      if case .optional(let element) = self[port.value].type, type.isCompatible(with: element) {
        operands.append(Operand(.optional(type)))
        continue
      }
      if !type.isCompatible(with: self[port.value].type) {
        throw GraphError(
          .replacedType(expected: self[port.value].type, found: type), node: "input \(port.name)")
      }
      operands.append(Operand(type, contents: contents.map { $0.map { Dimension(Int($0)) } }))
    }
    return operands
  }
}
