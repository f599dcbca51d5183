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

/// Makes programs: the compiler, seen from below.
package protocol PlanSource: Sendable {
  func program(for graph: Graph, inputs: [InputKey], path: String) throws(GraphError) -> Program
}

/// A closed graph and its programs, one for each binding that was asked for.
package final class Executable: Sendable {
  package let graph: Graph
  /// Where it lies in the model, such as `If_3/then`: for reports.
  package let path: String
  private let source: any PlanSource
  private let cache = Mutex<[(key: [InputKey], program: Program)]>([])
  /// Whether an input may decide shapes, so that its contents are part of the key.
  private let shapeInputs: [Bool]

  /// Programs kept; the least recently used goes first.
  package static let capacity = 24

  package init(graph: Graph, path: String, source: any PlanSource) {
    self.graph = graph
    self.path = path
    self.source = source
    shapeInputs = graph.inputs.map { graph.mayDecideShapes($0.value) }
  }

  package func key(of inputs: [RuntimeValue?]) -> [InputKey] {
    zip(inputs, shapeInputs).map { InputKey($0, readsContents: $1) }
  }

  package func program(for key: [InputKey]) throws(GraphError) -> Program {
    let cached: Program? = cache.withLock { cache in
      guard let i = cache.firstIndex(where: { $0.key == key }) else { return nil }
      let entry = cache.remove(at: i)
      cache.append(entry)
      return entry.program
    }
    if let cached { return cached }
    let program = try source.program(for: graph, inputs: key, path: path)
    cache.withLock { cache in
      cache.append((key, program))
      if cache.count > Self.capacity { cache.removeFirst() }
    }
    return program
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
