import IR
import Kernels
import Tensors

/// The backends of this process: those that loaded, with their kernels by operator, and why the others did not.
package struct BackendSet: Sendable {
  package struct Missing: Sendable {
    package var id: BackendID
    package var reason: String

    package init(id: BackendID, reason: String) {
      self.id = id
      self.reason = reason
    }
  }

  package let available: [BackendID]
  package let missing: [Missing]
  /// What each available backend says of itself, and how many kernels it has.
  package let summaries: [(id: BackendID, summary: String, kernelCount: Int)]
  private let kernels: [String: [Kernel]]
  private let evaluators: [String: Kernel]

  /// Where a node goes that its backend declines: the first of these that accepts it.
  package static let fallbackOrder: [BackendID] = [.simd, .oneDNN, .openBLAS, .naive]

  package init(_ backends: [any Backend], missing: [Missing] = []) {
    available = backends.map(\.id)
    self.missing = missing
    summaries = backends.map { ($0.id, $0.summary, $0.kernels.count) }
    var kernels: [String: [Kernel]] = [:]
    var evaluators: [String: Kernel] = [:]
    for backend in backends {
      for kernel in backend.kernels {
        switch kernel.implementation {
        case .planned: kernels[kernel.operatorName, default: []].append(kernel)
        case .evaluated:
          if evaluators[kernel.operatorName] == nil { evaluators[kernel.operatorName] = kernel }
        }
      }
    }
    self.kernels = kernels
    self.evaluators = evaluators
  }

  /// Of the names and versions of all kernels, in order: the same where the same choices mean the same.
  package var kernelDigest: String {
    let rows = kernels.keys.sorted().flatMap { kernels[$0] ?? [] }
    return ConstantID(of: rows.map { "\($0.name) \($0.version)" }.joined(separator: "\n")).text
  }

  /// Planned kernels of an operator, in the order of the backends and of their tables.
  func planned(_ operatorName: String) -> [Kernel] { kernels[operatorName] ?? [] }

  func evaluator(_ operatorName: String) -> Kernel? { evaluators[operatorName] }

  /// Backends to ask, in order, when `first` is asked for.
  static func order(startingWith first: BackendID) -> [BackendID] {
    [first] + fallbackOrder.filter { $0 != first }
  }
}

extension BackendSet {
  /// The meaning of one node on given operands, by the first backend that evaluates its operator: what folding asks.
  package func evaluate(_ node: Node, _ inputs: [RuntimeValue?]) throws(GraphError) -> [RuntimeValue?] {
    guard let kernel = evaluator(node.op.name), case .evaluated(let evaluate) = kernel.implementation,
      node.epilogue.isEmpty
    else { throw GraphError(.malformed("\(node.op.name) cannot be evaluated"), node: node.name) }
    do { return try evaluate(node.op, inputs, node.outputs.map { $0 != nil }) } catch {
      throw GraphError(.malformed(error.description), node: node.name)
    }
  }
}
