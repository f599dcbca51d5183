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

  /// Turns of one Loop.
  private static let turnLimit = 10_000_000

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

  private func execute(
    _ executable: Executable, _ inputs: [RuntimeValue?], bound: [Int: Tensor] = [:]
  ) throws(RunError) -> [RuntimeValue?] {
    let program: Program
    do { program = try executable.program(for: executable.key(of: inputs)) } catch {
      throw RunError(executable.path, .graph(error))
    }
    return try execute(program, inputs, bound: bound)
  }

  private func execute(
    _ program: Program, _ inputs: [RuntimeValue?], bound: [Int: Tensor]
  ) throws(RunError) -> [RuntimeValue?] {
    var registers = [RuntimeValue?](repeating: nil, count: program.registerCount)
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

  private func truth(_ value: RuntimeValue?, _ node: String) throws(RunError) -> Bool {
    guard case .tensor(let tensor)? = value, tensor.dataType == .bool, tensor.elementCount == 1 else {
      throw RunError(node, .malformed("the condition is not one bool"))
    }
    return tensor.bytes.base.loadUnaligned(as: UInt8.self) != 0
  }

  private func run(_ loop: Program.LoopStep, _ registers: [RuntimeValue?]) throws(RunError) -> [RuntimeValue?]
  {
    var limit = Self.turnLimit
    if let register = loop.tripCount, case .tensor(let tensor)? = registers[register] {
      guard let count = try? tensor.elements(of: Int64.self).first else {
        throw RunError(loop.node, .malformed("the trip count is not one int64"))
      }
      if count > Int64(Self.turnLimit) { throw RunError(loop.node, .fault(.budget)) }
      limit = Int(max(0, count))
    }
    var goesOn = true
    if let register = loop.condition, registers[register] != nil {
      goesOn = try truth(registers[register], loop.node)
    }
    var carried = loop.carried.map { $0.flatMap { registers[$0] } }
    let captured = loop.captured.map { $0.flatMap { registers[$0] } }
    let scanCount = loop.body.graph.outputs.count - 1 - carried.count
    var scanned = [[Tensor]](repeating: [], count: max(0, scanCount))
    var turn = 0
    while goesOn && turn < limit {
      let iteration: Tensor
      let condition: Tensor
      do {
        iteration = try Tensor(scalar: Int64(turn))
        condition = try Tensor(scalar: true)
      } catch { throw RunError(loop.node, .tensor(error)) }
      let results = try execute(loop.body, [.tensor(iteration), .tensor(condition)] + carried + captured)
      goesOn = try truth(results[0], loop.node)
      carried = Array(results[1...].prefix(carried.count))
      for (i, result) in results.dropFirst(1 + carried.count).enumerated() {
        guard case .tensor(let tensor)? = result else {
          throw RunError(loop.node, .malformed("a scanned value is not a tensor"))
        }
        scanned[i].append(tensor)
      }
      turn += 1
    }
    if goesOn && turn == Self.turnLimit { throw RunError(loop.node, .fault(.budget)) }
    var results = carried
    for (i, parts) in scanned.enumerated() {
      let type = loop.body.graph[loop.body.graph.outputs[1 + carried.count + i].value].type.tensor
      results.append(.tensor(try stack(parts, type, loop.node)))
    }
    return results
  }

  /// Scanned values along a new first axis.
  private func stack(_ parts: [Tensor], _ type: TensorType?, _ node: String) throws(RunError) -> Tensor {
    do {
      guard let first = parts.first else {
        let sizes = type?.shape?.map { $0.fixed ?? 0 } ?? []
        return try Tensor(uninitialized: type?.dataType ?? .float32, sizes: [0] + sizes)
      }
      let result = try Tensor(uninitialized: first.dataType, sizes: [parts.count] + first.sizes)
      guard let target = result.mutableBytes else { throw TensorError.unsupportedFormat("scanned strings") }
      for (i, part) in parts.enumerated() {
        if part.sizes != first.sizes || part.dataType != first.dataType {
          throw TensorError.unsupportedFormat("scanned values of different sizes")
        }
        let dense = try part.reordered(to: .rowMajor(part.dataType))
        dense.withBytes { (target.base + i * first.byteCount).copyMemory(from: $0.base, byteCount: $0.count) }
      }
      return result
    } catch let error as TensorError { throw RunError(node, .tensor(error)) } catch {
      throw RunError(node, .malformed("\(error)"))
    }
  }
}
