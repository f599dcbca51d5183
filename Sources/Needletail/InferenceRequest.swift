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
  /// The plan's instance with every address set, while the bound tensors stay the same.
  private var ready: PlanInstance?

  init(_ model: CompiledModel, _ target: CompiledModel.Target, _ backend: BackendChoice, threads: Int) {
    self.model = model
    self.target = target
    self.backend = backend
    self.threads = threads
    interpreter = Interpreter(team: Team(threads: threads), arenaByteLimit: model.options.planByteLimit)
    inputIndex = Dictionary(model.inputs.enumerated().map { ($1.name, $0) }) { first, _ in first }
    outputIndex = Dictionary(model.outputs.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  // MARK: Running

  /// Runs on tensors by name and returns the outputs by name, each in memory of its own unless bound.
  ///
  /// Throws `wrongInput` for a missing or unknown name, another type or another shape than the model's.
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
    let results: [RuntimeValue?]
    do throws(RunError) {
      results = try interpreter.run(target.executable, ordered, bound: boundOutputs)
    } catch {
      throw EngineError(error)
    }
    var named: [String: RuntimeValue] = [:]
    for (port, result) in zip(model.outputs, results) { named[port.name] = result ?? .absent }
    return named
  }

  /// Runs on the bound tensors, into the bound outputs.
  public func run() throws {
    if ready == nil { try makeReady() }
    guard let ready else {
      // Data-dependent models go through the interpreter, which copies into the bound outputs.
      var values: [String: RuntimeValue] = [:]
      for (i, tensor) in boundInputs { values[model.inputs[i].name] = .tensor(tensor) }
      _ = try run(values: values)
      return
    }
    interpreter.team.lease()
    defer { interpreter.team.release() }
    do throws(StepFault) { try ready.run(Workers(team: interpreter.team)) } catch {
      throw EngineError(RunError(ready.plan.labels[error.step].node, .fault(error.fault)))
    }
  }

  // MARK: Binding

  /// Reads `input` from `tensor` in every `run()` from now on; its elements may change between runs.
  public func bind(input name: String, to tensor: Tensor) throws {
    guard let index = inputIndex[name] else { throw unknown("input", name, model.inputs) }
    try check(.tensor(tensor), model.inputs[index])
    boundInputs[index] = tensor
    ready = nil
  }

  /// Writes `output` into `tensor` in every run from now on. Its sizes must be those that the inputs lead to.
  public func bind(output name: String, to tensor: Tensor) throws {
    guard let index = outputIndex[name] else { throw unknown("output", name, model.outputs) }
    guard tensor.mutableBytes != nil, tensor.format.layout == .rowMajor else {
      throw EngineError(
        .wrongInput, subject: "output '\(name)'", expectation: "writable row-major memory",
        finding: "a mapped file")
    }
    boundOutputs[index] = tensor
    ready = nil
  }

  private func makeReady() throws {
    var ordered: [RuntimeValue?] = []
    for (i, port) in model.inputs.enumerated() {
      guard let tensor = boundInputs[i] else {
        throw EngineError(
          .wrongInput, subject: "input '\(port.name)'", expectation: "a bound tensor", finding: "none")
      }
      ordered.append(.tensor(tensor))
    }
    try checkSymbols(ordered)
    do {
      let key = target.executable.key(of: ordered)
      guard let plan = try target.executable.program(for: key).singlePlan else { return }
      let instance = try interpreter.instance(of: plan)
      for (i, placement) in plan.inputs.enumerated() {
        guard case .tensor(let tensor)? = ordered[i] else { return }
        let dense = try interpreter.dense(tensor, placement)
        boundInputs[i] = dense
        instance.setInput(i, dense.bytes)
      }
      for (i, placement) in plan.outputs.enumerated() {
        let name = model.outputs[i].name
        guard let tensor = boundOutputs[i], let bytes = tensor.mutableBytes else {
          throw EngineError(
            .wrongInput, subject: "output '\(name)'", expectation: "a bound tensor", finding: "none")
        }
        guard tensor.dataType == placement.dataType, tensor.sizes == placement.sizes else {
          throw EngineError(
            .wrongInput, subject: "output '\(name)'",
            expectation: "\(TensorType(placement.dataType, sizes: placement.sizes))",
            finding: "\(tensor.type)")
        }
        instance.setOutput(i, bytes)
      }
      ready = instance
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

  private func unknown(_ what: String, _ name: String, _ ports: [Model.Port]) -> EngineError {
    EngineError(
      .wrongInput, subject: "\(what) '\(name)'",
      expectation: "one of \(ports.map(\.name).joined(separator: ", "))",
      finding: "a name that the model does not have")
  }
}

extension EngineError {
  init(_ error: RunError) {
    self.init(
      .runFailed, subject: error.subject, expectation: "", finding: RunError("", error.reason).description)
  }
}
