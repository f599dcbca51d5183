import IR
import Kernels
import Tensors

extension Interpreter {
  /// Steps of the run's budget that a trip takes beside those of its body.
  private static let tripSteps = 2048

  func run(_ loop: Program.LoopStep, _ registers: [RuntimeValue?]) throws(RunError) -> [RuntimeValue?] {
    let budget = RunBudget.current ?? RunBudget(byteLimit: .max)
    let limit = try tripLimit(loop, registers, budget)
    var goesOn = true
    if let register = loop.condition, registers[register] != nil {
      goesOn = try truth(registers[register], loop.node)
    }
    let carriedCount = loop.carried.count
    var lists = HeldLists()
    defer { lists.release() }
    var scanned = [[Tensor]](
      repeating: [], count: max(0, loop.body.graph.outputs.count - 1 - carriedCount))
    // The body's inputs: the number of the trip, the condition, carried values, captured values.
    var inputs: [RuntimeValue?] = [nil, nil]
    inputs += loop.carried.map { $0.flatMap { registers[$0] } }
    inputs += loop.captured.map { $0.flatMap { registers[$0] } }
    var held: (key: [InputKey], program: Program)?
    var trip = 0
    while goesOn && trip < limit {
      do {
        try budget.takeSteps(Self.tripSteps)
        inputs[0] = .tensor(try Tensor(scalar: Int64(trip)))
        inputs[1] = .tensor(try Tensor(scalar: true))
      } catch let error as BudgetError { throw RunError(loop.node, .fault(.overBudget(error))) } catch {
        throw RunError(loop.node, .malformed("\(error)"))
      }
      // Most trips have the sizes of the trip before.
      let program: Program
      if let held, held.key.matches(inputs) {
        program = held.program
      } else {
        let key = loop.body.key(of: inputs)
        do { program = try loop.body.program(for: key) } catch {
          throw RunError(loop.body.path, .graph(error))
        }
        held = (key, program)
      }
      let results = try execute(program, inputs, bound: [:])
      goesOn = try truth(results[0], loop.node)
      lists.release()
      for i in 0..<carriedCount {
        inputs[2 + i] = results[1 + i]
        if let value = results[1 + i] { try lists.hold(value, loop.node) }
      }
      for i in scanned.indices {
        guard case .tensor(let tensor)? = results[1 + carriedCount + i] else {
          throw RunError(loop.node, .malformed("a scanned value is not a tensor"))
        }
        scanned[i].append(tensor)
      }
      trip += 1
    }
    return try Array(inputs[2..<2 + carriedCount])
      + scanned.enumerated().map { (i, parts) throws(RunError) in
        let type = loop.body.graph[loop.body.graph.outputs[1 + carriedCount + i].value].type.tensor
        return .tensor(try stack(parts, type, loop.node))
      }
  }

  /// The largest number of trips. Throws where nothing can stop the loop before they exceed the budget.
  private func tripLimit(_ loop: Program.LoopStep, _ registers: [RuntimeValue?], _ budget: RunBudget)
    throws(RunError) -> Int
  {
    guard let register = loop.tripCount, case .tensor(let tensor)? = registers[register] else { return .max }
    guard let count = try? tensor.elements(of: Int64.self).first else {
      throw RunError(loop.node, .malformed("the trip count is not one int64"))
    }
    let body = loop.body.graph
    if body.outputs[0].value == body.inputs[1].value {
      let (steps, overflow) = Int(max(0, count)).multipliedReportingOverflow(by: Self.tripSteps)
      if overflow || steps > budget.stepLimit - budget.stepCount {
        throw RunError(
          loop.node, .fault(.overBudget(.steps(needed: overflow ? .max : steps, limit: budget.stepLimit))))
      }
    }
    return Int(max(0, count))
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

extension [InputKey] {
  /// Whether values have these keys, one by one. Allocates nothing.
  fileprivate func matches(_ values: [RuntimeValue?]) -> Bool {
    guard count == values.count else { return false }
    var i = 0
    while i < count {
      if !self[i].matches(values[i]) { return false }
      i += 1
    }
    return true
  }
}

/// The bytes of sequences that a program or a loop holds, taken from the budget of the run.
struct HeldLists {
  private var byteCount = 0

  mutating func hold(_ value: RuntimeValue, _ node: String) throws(RunError) {
    guard case .sequence(let items) = value, let budget = RunBudget.current else { return }
    let bytes = items.count * RunBudget.itemByteCount
    do { try budget.takeListBytes(bytes) } catch { throw RunError(node, .fault(.overBudget(error))) }
    byteCount += bytes
  }

  mutating func release() {
    if byteCount > 0 { RunBudget.current?.returnListBytes(byteCount) }
    byteCount = 0
  }
}
