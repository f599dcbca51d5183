import Host
import IR
import Kernels
import Operators
import Tensors

/// A run that stopped: what was running, and why.
package struct RunError: Error, Sendable {
  package enum Reason: Sendable {
    case fault(KernelFault)
    case graph(GraphError)
    case tensor(TensorError)
    case malformed(String)
  }

  package var subject: String
  package var reason: Reason

  package init(_ subject: String, _ reason: Reason) {
    self.subject = subject
    self.reason = reason
  }
}

extension RunError: CustomStringConvertible {
  package var description: String {
    let text =
      switch reason {
      case .fault(let fault): fault.description
      case .graph(let error): error.description
      case .tensor(let error): error.description
      case .malformed(let what): what
      }
    return subject.isEmpty ? text : "\(subject): \(text)"
  }
}

/// Runs programs for one request: holds the instances of plans, which are made once and used again.
package final class Interpreter {
  package let team: Team
  /// Where the time of each step goes while a profile is taken.
  package var profile: Profile?
  private let shelf: ArenaShelf

  package init(team: Team, arenas: ArenaBudget = ArenaBudget()) {
    self.team = team
    shelf = ArenaShelf(arenas)
  }

  /// Runs a graph on values; outputs are fresh, except where `bound` gives memory of the right type and sizes.
  package func run(
    _ executable: Executable, _ inputs: [RuntimeValue?], bound: [Int: Tensor] = [:]
  ) throws(RunError) -> [RuntimeValue?] {
    shelf.enter()
    defer { shelf.leave() }
    return try execute(executable, inputs, bound: bound)
  }

  /// Runs one plan. `bind` sets the addresses of all inputs and outputs.
  package func run(
    _ plan: ExecutionPlan, _ bind: (PlanInstance) throws(RunError) -> Void
  ) throws(RunError) {
    shelf.enter()
    defer { shelf.leave() }
    let instance = try shelf.instance(of: plan)
    try bind(instance)
    try run(instance)
  }

  func execute(
    _ executable: Executable, _ inputs: [RuntimeValue?], bound: [Int: Tensor] = [:]
  ) throws(RunError) -> [RuntimeValue?] {
    let program: Program
    do { program = try executable.program(for: executable.key(of: inputs)) } catch {
      throw RunError(executable.path, .graph(error))
    }
    return try execute(program, inputs, bound: bound)
  }

  func execute(
    _ program: Program, _ inputs: [RuntimeValue?], bound: [Int: Tensor]
  ) throws(RunError) -> [RuntimeValue?] {
    var registers = [RuntimeValue?](repeating: nil, count: program.registerCount)
    var lists = HeldLists()
    defer { lists.release() }
    for (register, value) in zip(program.inputs, inputs) { registers[register] = value }
    for (register, tensor) in program.constants { registers[register] = .tensor(tensor) }
    for step in program.steps {
      switch step {
      case .plan(let plan, let sources, let targets):
        // Memory that the caller bound is written directly when the plan makes the graph's outputs.
        let memory = targets.map { target in program.outputs.firstIndex(of: target).flatMap { bound[$0] } }
        let results = try run(plan, sources.map { registers[$0] }, into: memory)
        for (target, result) in zip(targets, results) { registers[target] = .tensor(result) }
      case .region(let executable, let sources, let targets):
        let results = try execute(executable, sources.map { registers[$0] })
        for (target, result) in zip(targets, results) { registers[target] = result }
      case .evaluate(let op, let evaluate, let label, let sources, let targets):
        let start = profile == nil ? 0 : monotonicNanoseconds()
        let results: [RuntimeValue?]
        do {
          results = try evaluate(op, sources.map { $0.flatMap { registers[$0] } }, targets.map { $0 != nil })
        } catch { throw RunError(label.node, .fault(error)) }
        profile?.add(label, nanoseconds: monotonicNanoseconds() - start)
        for case let result? in results { try lists.hold(result, label.node) }
        for (target, result) in zip(targets, results) {
          if let target { registers[target] = result }
        }
      case .conditional(let step):
        let branch =
          try truth(registers[step.condition], step.node) ? step.branches.then : step.branches.otherwise
        let results = try execute(branch, step.captured.map { $0.flatMap { registers[$0] } })
        for (target, result) in zip(step.outputs, results) {
          if let target { registers[target] = result }
        }
      case .loop(let step):
        let results = try run(step, registers)
        for (target, result) in zip(step.outputs, results) {
          if let target { registers[target] = result }
        }
      }
    }
    return program.outputs.map { registers[$0] }
  }

  private func run(_ plan: ExecutionPlan, _ inputs: [RuntimeValue?], into memory: [Tensor?]) throws(RunError)
    -> [Tensor]
  {
    let instance = try shelf.instance(of: plan)
    var kept: [Tensor] = []
    for (i, input) in inputs.enumerated() {
      guard case .tensor(let tensor)? = input else {
        throw RunError("input \(i)", .malformed("a plan needs a tensor"))
      }
      let ready = try dense(tensor)
      kept.append(ready)
      instance.setInput(i, ready.bytes)
    }
    var results: [Tensor] = []
    for (i, placement) in plan.outputs.enumerated() {
      let tensor: Tensor
      if let bound = memory[i], bound.sizes == placement.sizes, bound.dataType == placement.dataType {
        tensor = bound
      } else {
        do { tensor = try Tensor(uninitialized: placement.dataType, sizes: placement.sizes) } catch {
          throw RunError("output \(i)", .tensor(error))
        }
      }
      guard let bytes = tensor.mutableBytes else {
        throw RunError("output \(i)", .malformed("read-only memory"))
      }
      instance.setOutput(i, bytes)
      results.append(tensor)
    }
    try run(instance)
    withExtendedLifetime(kept) {}
    return results
  }

  private func run(_ instance: PlanInstance) throws(RunError) {
    team.lease()
    defer { team.release() }
    let plan = instance.plan
    do {
      if profile != nil {
        var times = [UInt64](repeating: 0, count: plan.steps.count)
        try instance.run(Workers(team: team), adding: &times)
        profile?.add(plan.labels, nanoseconds: times)
      } else {
        try instance.run(Workers(team: team))
      }
    } catch {
      throw RunError(plan.labels[error.step].node, .fault(error.fault))
    }
  }

  /// The tensor with row-major, element-aligned bytes: itself where it has them.
  private func dense(_ tensor: Tensor) throws(RunError) -> Tensor {
    guard let copy = try BoundInput(tensor).copy else { return tensor }
    return copy
  }

  func truth(_ value: RuntimeValue?, _ node: String) throws(RunError) -> Bool {
    guard case .tensor(let tensor)? = value, tensor.dataType == .bool, tensor.elementCount == 1 else {
      throw RunError(node, .malformed("the condition is not one bool"))
    }
    return tensor.bytes.base.loadUnaligned(as: UInt8.self) != 0
  }
}
