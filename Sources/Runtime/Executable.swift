import IR
import Kernels
import Synchronization
import Tensors

/// Everything of one input that a program depends on.
package enum InputKey: Hashable, Sendable {
  /// `contents`: the elements of a small integer tensor, which may decide shapes.
  case tensor(DataType, sizes: [Int], contents: [Int64]?)
  case other

  /// Larger tensors never hold shapes.
  package static let contentsLimit = 64

  package init(_ value: RuntimeValue?, readsContents: Bool = true) {
    guard case .tensor(let tensor)? = value else {
      self = .other
      return
    }
    var contents: [Int64]?
    if readsContents, tensor.rank <= 1, tensor.elementCount <= Self.contentsLimit {
      switch tensor.dataType {
      case .int64: contents = try? tensor.elements(of: Int64.self)
      case .int32: contents = (try? tensor.elements(of: Int32.self))?.map { Int64($0) }
      default: break
      }
    }
    self = .tensor(tensor.dataType, sizes: tensor.sizes, contents: contents)
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
  /// Whether an input may decide shapes, so that its contents are part of the key.
  private let shapeInputs: [Bool]

  package init(graph: Graph, path: String, source: any PlanSource) {
    self.graph = graph
    self.path = path
    self.source = source
    budget = source.budget
    shapeInputs = graph.inputs.map { graph.mayDecideShapes($0.value) }
    budget.add(self)
  }

  deinit { budget.release(entries.withLock { $0.values.reduce(0) { $0 + $1.byteCount } }) }

  package func key(of inputs: [RuntimeValue?]) -> [InputKey] {
    zip(inputs, shapeInputs).map { InputKey($0, readsContents: $1) }
  }

  /// The program for inputs of these sizes, made now if it is not held.
  package func program(for key: [InputKey]) throws(GraphError) -> Program {
    let now = budget.now()
    let held = entries.withLock { entries in
      entries[key]?.lastUse = now
      return entries[key]?.program
    }
    if let held { return held }
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
  /// Whether elements of an input could reach a shape: small integers do, unless they only feed Gather and the like.
  package func mayDecideShapes(_ id: ValueID) -> Bool {
    guard let type = self[id].type.tensor else { return true }
    guard type.dataType == .int64 || type.dataType == .int32 else { return false }
    if let shape = type.shape {
      if shape.count > 1 { return false }
      if let n = shape.first?.fixed, n > InputKey.contentsLimit { return false }
    }
    return true
  }
}
