import IR
import Kernels
import Runtime
import Tensors

/// One task's way to run a compiled model. Not for two threads at once: make one each.
///
/// With inputs and outputs bound, a run after the first allocates nothing and takes no lock:
///
/// ```swift
/// try request.bind(input: "input", to: image)
/// try request.bind(output: "probabilities", to: scores)
/// try request.run()
/// ```
public final class InferenceRequest {
  public let backend: BackendChoice
  public let threads: Int
  public let model: CompiledModel
  package let target: CompiledModel.Target
  package let interpreter: Interpreter
  private let inputIndex: [String: Int]
  private let outputIndex: [String: Int]
  private var boundInputs: [Int: Tensor] = [:]
  private var boundOutputs: [Int: Tensor] = [:]
  /// What `run()` needs, while the bound tensors and the integers that decide sizes stay the same.
  private var ready: BoundPlan?

  /// A plan that takes all bound inputs and makes all bound outputs.
  fileprivate struct BoundPlan {
    var plan: ExecutionPlan
    var key: [InputKey]
    var inputs: [BoundInput]
    var outputs: [Tensor]
    var hasNaiveSteps: Bool
  }

  init(_ model: CompiledModel, _ target: CompiledModel.Target, _ backend: BackendChoice, threads: Int) {
    self.model = model
    self.target = target
    self.backend = backend
    self.threads = threads
    interpreter = Interpreter(team: Team(threads: threads, yields: true), arenas: model.arenaBudget)
    inputIndex = Dictionary(model.inputs.enumerated().map { ($1.name, $0) }) { first, _ in first }
    outputIndex = Dictionary(model.outputs.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  // MARK: Running

  /// Runs on tensors by name and returns the outputs by name, each in memory of its own unless bound.
  ///
  /// Throws `wrongInput` for a missing or unknown name, another type or another shape than the model's, and where the
  /// result of a bound output has other sizes than the tensor, or overlaps an input.
  public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
    var results: [String: Tensor] = [:]
    for (name, value) in try run(values: inputs.mapValues { .tensor($0) }) {
      guard case .tensor(let tensor) = value else {
        throw EngineError(
          .usage, subject: "output '\(name)'", expectation: "a tensor",
          finding: "a sequence or an absent optional",
          hint: "use run(values:)")
      }
      results[name] = tensor
    }
    return results
  }

  /// The same for models whose inputs or outputs are sequences or optionals.
  public func run(values inputs: [String: RuntimeValue]) throws -> [String: RuntimeValue] {
    let ordered = try order(inputs)
    for (i, value) in ordered.enumerated() {
      guard case .tensor(let tensor)? = value else { continue }
      for (o, output) in boundOutputs where output.overlaps(tensor) { throw overlap(output: o, input: i) }
    }
    return try model.withRunBudget { try named(runUnbound(ordered)) }
  }

  /// Runs on the bound tensors, into the bound outputs.
  public func run() throws {
    if ready?.isCurrent != true { ready = try model.withRunBudget { try makeReady() } }
    guard let ready else {
      // A model whose sizes depend on data has more than one plan.
      let inputs = model.inputs.indices.map { boundInputs[$0].map { RuntimeValue.tensor($0) } }
      _ = try model.withRunBudget { try runUnbound(inputs) }
      return
    }
    // Only naive kernels take from the budget; to bind it allocates.
    if ready.hasNaiveSteps { try model.withRunBudget { try run(ready) } } else { try run(ready) }
  }

  private func run(_ ready: BoundPlan) throws {
    do throws(RunError) {
      try interpreter.run(ready.plan) { (instance) throws(RunError) in
        for (i, input) in ready.inputs.enumerated() {
          try input.refresh()
          instance.setInput(i, input.bytes)
        }
        for (i, output) in ready.outputs.enumerated() {
          if let bytes = output.mutableBytes { instance.setOutput(i, bytes) }
        }
      }
    } catch { throw EngineError(error) }
  }

  /// The results in the model's order; those of bound outputs are in the bound tensors.
  private func runUnbound(_ inputs: [RuntimeValue?]) throws -> [RuntimeValue?] {
    var results: [RuntimeValue?]
    do throws(RunError) {
      results = try interpreter.run(target.executable, inputs, bound: boundOutputs)
    } catch { throw EngineError(error) }
    for (i, tensor) in boundOutputs {
      guard case .tensor(let result)? = results[i] else {
        throw wrongOutput(i, expectation: "a tensor of \(tensor.type)", finding: "no tensor")
      }
      try copy(result, to: tensor, i)
      results[i] = .tensor(tensor)
    }
    return results
  }

  /// Copies a result that is elsewhere into the bound tensor.
  private func copy(_ result: Tensor, to tensor: Tensor, _ index: Int) throws {
    guard tensor.dataType == result.dataType, tensor.sizes == result.sizes else {
      throw wrongOutput(index, expectation: "\(result.type)", finding: "\(tensor.type)")
    }
    if result.storage === tensor.storage && result.byteOffset == tensor.byteOffset { return }
    try result.reordered(to: .rowMajor(result.dataType)).withBytes { bytes in
      tensor.mutableBytes?.base.copyMemory(from: bytes.base, byteCount: bytes.count)
    }
  }

  private func named(_ results: [RuntimeValue?]) -> [String: RuntimeValue] {
    var named: [String: RuntimeValue] = [:]
    for (port, result) in zip(model.outputs, results) { named[port.name] = result ?? .absent }
    return named
  }

  // MARK: Binding

  /// Reads `input` from `tensor` in every `run()` from now on; its elements may change between runs.
  ///
  /// Elements that are not row-major, or not aligned for their type, are copied in every run. Throws `wrongInput` where
  /// the tensor overlaps a bound output.
  public func bind(input name: String, to tensor: Tensor) throws {
    guard let index = inputIndex[name] else { throw unknown("input", name, model.inputs) }
    try check(.tensor(tensor), model.inputs[index])
    for (o, output) in boundOutputs where output.overlaps(tensor) { throw overlap(output: o, input: index) }
    boundInputs[index] = tensor
    ready = nil
  }

  /// Writes `output` into `tensor` in every run from now on. Its sizes must be those that the inputs lead to.
  ///
  /// Throws `wrongInput` for another type, rank or fixed size than the model's, for memory that is read-only, not
  /// row-major or not aligned, and where the tensor overlaps a bound input or another bound output.
  public func bind(output name: String, to tensor: Tensor) throws {
    guard let index = outputIndex[name] else { throw unknown("output", name, model.outputs) }
    guard tensor.mutableBytes != nil, tensor.format == .rowMajor(tensor.dataType),
      tensor.bytes.isAligned(to: min(max(1, (tensor.dataType.bitWidth ?? 8) / 8), 8))
    else {
      throw wrongOutput(
        index, expectation: "writable, aligned, row-major elements of its type",
        finding: "\(tensor.type) in other memory")
    }
    if !ValueType.tensor(tensor.type).isCompatible(with: model.outputs[index].type) {
      throw wrongOutput(index, expectation: "\(model.outputs[index].type)", finding: "\(tensor.type)")
    }
    for (i, input) in boundInputs where tensor.overlaps(input) { throw overlap(output: index, input: i) }
    for (other, output) in boundOutputs where other != index && tensor.overlaps(output) {
      throw wrongOutput(
        index, expectation: "memory apart from output '\(model.outputs[other].name)'",
        finding: "memory that overlaps it")
    }
    boundOutputs[index] = tensor
    ready = nil
  }

  /// Takes back a binding: the request no longer holds the tensor.
  public func unbind(input name: String) throws {
    guard let index = inputIndex[name] else { throw unknown("input", name, model.inputs) }
    boundInputs[index] = nil
    ready = nil
  }

  /// Takes back a binding: later runs return this output in memory of its own.
  public func unbind(output name: String) throws {
    guard let index = outputIndex[name] else { throw unknown("output", name, model.outputs) }
    boundOutputs[index] = nil
    ready = nil
  }

  /// The one plan that the bound tensors lead to; nil where there are more, or values that are no tensors.
  private func makeReady() throws -> BoundPlan? {
    var tensors: [Tensor] = []
    for (i, port) in model.inputs.enumerated() {
      guard let tensor = boundInputs[i] else {
        if case .optional = port.type { return nil }
        throw EngineError(
          .wrongInput, subject: "input '\(port.name)'", expectation: "a bound tensor", finding: "none")
      }
      tensors.append(tensor)
    }
    let ordered = tensors.map { RuntimeValue.tensor($0) }
    try checkSymbols(ordered)
    do {
      let key = target.executable.key(of: ordered)
      guard let plan = try target.executable.program(for: key).singlePlan else { return nil }
      var outputs: [Tensor] = []
      for (i, placement) in plan.outputs.enumerated() {
        let type = TensorType(placement.dataType, sizes: placement.sizes)
        guard let tensor = boundOutputs[i] else {
          throw wrongOutput(i, expectation: "a bound tensor of \(type)", finding: "none")
        }
        guard tensor.type == type else {
          throw wrongOutput(i, expectation: "\(type)", finding: "\(tensor.type)")
        }
        outputs.append(tensor)
      }
      return BoundPlan(
        plan: plan, key: key, inputs: try tensors.map { try BoundInput($0) }, outputs: outputs,
        hasNaiveSteps: plan.labels.contains { $0.backend == BackendChoice.naive.rawValue })
    } catch let error as RunError { throw EngineError(error) } catch let error as GraphError {
      throw EngineError(RunError("", .graph(error)))
    }
  }

  // MARK: Checking

  /// The inputs in the model's order. Throws for a missing or unknown name, another type and another shape.
  func order(_ inputs: [String: RuntimeValue]) throws -> [RuntimeValue?] {
    for name in inputs.keys.sorted() where inputIndex[name] == nil {
      throw unknown("input", name, model.inputs)
    }
    var ordered: [RuntimeValue?] = []
    for port in model.inputs {
      guard let value = inputs[port.name] else {
        if case .optional = port.type {
          ordered.append(.absent)
          continue
        }
        throw EngineError(
          .wrongInput, subject: "input '\(port.name)'", expectation: "\(port.type)", finding: "nothing",
          hint: "inputs: \(model.inputs.map { "\($0.name): \($0.type)" }.joined(separator: ", "))")
      }
      try check(value, port)
      ordered.append(value)
    }
    try checkSymbols(ordered)
    return ordered
  }

  private func check(_ value: RuntimeValue, _ port: Model.Port) throws {
    guard case .tensor(let expected) = port.type, case .tensor(let tensor) = value else { return }
    if !ValueType.tensor(tensor.type).isCompatible(with: .tensor(expected)) {
      throw EngineError(
        .wrongInput, subject: "input '\(port.name)'", expectation: "\(expected)", finding: "\(tensor.type)")
    }
  }

  /// The same symbol on two inputs is the same size.
  private func checkSymbols(_ values: [RuntimeValue?]) throws {
    var sizes: [Symbol: (size: Int, input: String)] = [:]
    for (port, value) in zip(model.inputs, values) {
      guard let shape = port.type.tensor?.shape, case .tensor(let tensor)? = value else { continue }
      for (dimension, size) in zip(shape, tensor.sizes) {
        guard let symbol = dimension.symbols.first, dimension == Dimension(symbol) else { continue }
        if let known = sizes[symbol], known.size != size {
          throw EngineError(
            .wrongInput, subject: "input '\(port.name)'",
            expectation: "\(symbol.name) = \(known.size) as in input '\(known.input)'", finding: "\(size)")
        }
        sizes[symbol] = (size, port.name)
      }
    }
  }

  private func wrongOutput(_ index: Int, expectation: String, finding: String) -> EngineError {
    EngineError(
      .wrongInput, subject: "output '\(model.outputs[index].name)'", expectation: expectation,
      finding: finding)
  }

  private func overlap(output: Int, input: Int) -> EngineError {
    wrongOutput(
      output, expectation: "memory apart from input '\(model.inputs[input].name)'",
      finding: "memory that overlaps it")
  }

  private func unknown(_ what: String, _ name: String, _ ports: [Model.Port]) -> EngineError {
    EngineError(
      .wrongInput, subject: "\(what) '\(name)'",
      expectation: "one of \(ports.map(\.name).joined(separator: ", "))",
      finding: "a name that the model does not have")
  }
}

extension InferenceRequest.BoundPlan {
  /// Whether the integers that decide sizes are those that the plan was made for.
  fileprivate var isCurrent: Bool {
    for (key, input) in zip(key, inputs) where !key.hasContents(of: input.tensor) { return false }
    return true
  }
}

extension Tensor {
  /// Whether a byte belongs to both.
  fileprivate func overlaps(_ other: Tensor) -> Bool {
    let (mine, theirs) = (bytes, other.bytes)
    return mine.count > 0 && theirs.count > 0 && mine.base < theirs.base + theirs.count
      && theirs.base < mine.base + mine.count
  }
}

extension EngineError {
  init(_ error: RunError) {
    self.init(
      .runFailed, subject: error.subject, expectation: "", finding: RunError("", error.reason).description)
  }
}
