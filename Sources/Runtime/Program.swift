import IR
import Kernels
import Operators
import Tensors

/// The whole run of a graph for one binding: static regions are plans, the rest is evaluated node by node.
///
/// Values that cross from one step to the next stand in registers, numbered from 0.
package final class Program: Sendable {
  package typealias Evaluate =
    @Sendable (any Operator, [RuntimeValue?], [Bool]) throws(KernelFault) -> [RuntimeValue?]

  package enum Step: Sendable {
    case plan(ExecutionPlan, inputs: [Int], outputs: [Int])
    /// A static region whose sizes an earlier step decides.
    case region(Executable, inputs: [Int], outputs: [Int])
    case evaluate(any Operator, Evaluate, label: ExecutionPlan.Label, inputs: [Int?], outputs: [Int?])
    case conditional(Conditional)
    case loop(LoopStep)
  }

  package struct Conditional: Sendable {
    package var node: String
    package var condition: Int
    package var captured: [Int?]
    package var branches: (then: Executable, otherwise: Executable)
    package var outputs: [Int?]

    package init(
      node: String, condition: Int, captured: [Int?], then: Executable, otherwise: Executable, outputs: [Int?]
    ) {
      self.node = node
      self.condition = condition
      self.captured = captured
      branches = (then, otherwise)
      self.outputs = outputs
    }
  }

  package struct LoopStep: Sendable {
    package var node: String
    package var tripCount: Int?
    package var condition: Int?
    package var carried: [Int?]
    package var captured: [Int?]
    package var body: Executable
    package var outputs: [Int?]

    package init(
      node: String, tripCount: Int?, condition: Int?, carried: [Int?], captured: [Int?], body: Executable,
      outputs: [Int?]
    ) {
      self.node = node
      self.tripCount = tripCount
      self.condition = condition
      self.carried = carried
      self.captured = captured
      self.body = body
      self.outputs = outputs
    }
  }

  package let steps: [Step]
  package let registerCount: Int
  /// Registers of the graph's inputs.
  package let inputs: [Int]
  package let constants: [(register: Int, tensor: Tensor)]
  package let outputs: [Int]
  /// Bytes of constants that were computed for this program.
  let ownedByteCount: Int

  package init(
    steps: [Step], registerCount: Int, inputs: [Int], constants: [(register: Int, tensor: Tensor)],
    outputs: [Int],
    ownedByteCount: Int = 0
  ) {
    self.steps = steps
    self.registerCount = registerCount
    self.inputs = inputs
    self.constants = constants
    self.outputs = outputs
    self.ownedByteCount = ownedByteCount
  }

  /// The plan, when the whole run is one whose inputs and outputs are the graph's.
  package var singlePlan: ExecutionPlan? {
    guard steps.count == 1, constants.isEmpty,
      case .plan(let plan, let planInputs, let planOutputs) = steps[0],
      planInputs == inputs, planOutputs == outputs
    else { return nil }
    return plan
  }

  /// Every plan known before running, with its labels.
  package var plans: [ExecutionPlan] {
    steps.compactMap { if case .plan(let plan, _, _) = $0 { plan } else { nil } }
  }
}

extension Program {
  /// Bytes that it holds for its binding alone, graphs inside it included. Their programs are weighed for themselves.
  package var byteCount: Int {
    steps.reduce(1024 + ownedByteCount) { $0 + $1.byteCount }
  }
}

extension Program.Step {
  fileprivate var byteCount: Int {
    switch self {
    case .plan(let plan, _, _): plan.byteCount
    case .region(let executable, _, _): executable.byteCount
    case .evaluate: 1024
    case .conditional(let step): 1024 + step.branches.then.byteCount + step.branches.otherwise.byteCount
    case .loop(let step): 1024 + step.body.byteCount
    }
  }
}

extension Executable {
  /// Of the graph, which is a copy of its own: nodes and values with their names.
  fileprivate var byteCount: Int { 1024 + 1024 * graph.nodes.count }
}
