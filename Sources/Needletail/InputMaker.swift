import Kernels
import Measurement
import Tensors

/// Makes inputs of a model: binds its named sizes, and fills tensors with zeros or seeded random elements.
package struct InputMaker: Sendable {
  package enum Fill: Hashable, Sendable { case zeros, random }

  /// Items in a batch; nil: one, or what the model fixes.
  package var batch: Int?
  /// Sizes by the name that the model gives them.
  package var sizes: [String: Int]
  package var seed: UInt64
  /// Bytes that all inputs together may take while they are made.
  package var byteLimit: Int

  /// `memoryLimit` nil: what a model may take on this machine.
  package init(batch: Int? = nil, sizes: [String: Int] = [:], seed: UInt64 = 1, memoryLimit: Int? = nil) {
    self.batch = batch
    self.sizes = sizes
    self.seed = seed
    byteLimit = min(MemoryBudget.bytes(), memoryLimit ?? .max)
  }
}

extension Model {
  /// Names of the sizes that stand first in an input: the batch, by whatever name.
  package var batchSymbols: [String] {
    var names: [String] = []
    var seen: Set<String> = []
    for port in inputs {
      guard let first = port.type.tensor?.shape?.first, let symbol = first.symbols.first,
        first == Dimension(symbol), seen.insert(symbol.name).inserted
      else { continue }
      names.append(symbol.name)
    }
    return names
  }

  /// The batch that the model fixes: the first size of its first input; nil when that has a name, or none.
  package var fixedBatch: Int? {
    guard batchSymbols.isEmpty else { return nil }
    return inputs.first?.type.tensor?.shape?.first?.fixed
  }

  /// Throws when the model cannot run `batch` items at once.
  package func requireBatch(_ batch: Int) throws(EngineError) {
    guard batchSymbols.isEmpty, fixedBatch != batch else { return }
    throw EngineError(
      .usage, subject: "--batch \(batch)", expectation: fixedBatch.map { "\($0)" } ?? "no batch",
      finding: "\(batch)", hint: "this model's inputs have sizes of their own: \(portsText)")
  }

  /// The inputs that every run needs.
  package var requiredInputs: [Port] {
    inputs.filter { if case .optional = $0.type { false } else { true } }
  }

  package var portsText: String { inputs.map { "\($0.name): \($0.type)" }.joined(separator: ", ") }
}

extension InputMaker {
  /// The sizes of an input, where `batchSymbols` are those of the model. Throws when one has a name that was not given.
  private func sizes(of port: Model.Port, batchSymbols: [String]) throws(EngineError) -> [Int] {
    guard let type = port.type.tensor else {
      throw EngineError(
        .wrongInput, subject: "input '\(port.name)'", expectation: "a tensor", finding: "\(port.type)",
        hint: "only a file can give it: --input \(port.name)=FILE")
    }
    guard let shape = type.shape else {
      throw EngineError(
        .wrongInput, subject: "input '\(port.name)'", expectation: "a shape", finding: "none in the model",
        hint: "give a file: --input \(port.name)=FILE")
    }
    var result: [Int] = []
    for dimension in shape {
      if let size = dimension.fixed {
        result.append(size)
        continue
      }
      var bindings: [Symbol: Int] = [:]
      for symbol in dimension.symbols {
        if let size = sizes[symbol.name] {
          bindings[symbol] = size
        } else if batchSymbols.contains(symbol.name) {
          bindings[symbol] = batch ?? 1
        } else {
          throw EngineError(
            .wrongInput, subject: "input '\(port.name)' \(type)",
            expectation: "a number for '\(symbol.name)'",
            finding: "none",
            hint: "give --size \(symbol.name)=NUMBER, or a file with --input \(port.name)=FILE")
        }
      }
      guard let size = try? dimension.bound(bindings).fixed, size >= 0 else {
        throw EngineError(
          .wrongInput, subject: "input '\(port.name)'", expectation: "sizes of at least 0",
          finding: dimension.text)
      }
      result.append(size)
    }
    return result
  }

  /// Throws where the inputs to make would take more bytes than `byteLimit`. `ports` nil: all that are no optionals.
  package func checkMemory(of model: Model, _ ports: [Model.Port]? = nil) throws(EngineError) {
    let batchSymbols = model.batchSymbols
    var total = 0
    for port in ports ?? model.requiredInputs {
      let sizes = try sizes(of: port, batchSymbols: batchSymbols)
      // Elements pass through an array of floats or integers.
      let width = (port.type.tensor?.dataType.bitWidth ?? 64) / 8 + 8
      let count = try? Tensor.elementCount(of: sizes)
      let bytes = count.map { $0.multipliedReportingOverflow(by: width) }
      let sum = total.addingReportingOverflow(bytes?.partialValue ?? 0)
      guard let bytes, !bytes.overflow, !sum.overflow, sum.partialValue <= byteLimit else {
        throw EngineError(
          .wrongInput, subject: "input '\(port.name)'",
          expectation: "inputs that are made within \(byteLimit) bytes of memory",
          finding: "sizes [\(sizes.map(String.init).joined(separator: ","))]",
          hint: "give smaller sizes, or a higher limit with --max-memory")
      }
      total = sum.partialValue
    }
  }

  /// A tensor for an input. Random elements: −1 to 1 for floats, 0 and 1 for integers (which may be indices or
  /// masks), any byte for uint8.
  package func tensor(for port: Model.Port, in model: Model, _ fill: Fill) throws(EngineError) -> Tensor {
    try checkMemory(of: model, [port])
    return try tensor(for: port, batchSymbols: model.batchSymbols, fill)
  }

  /// A tensor for each of some inputs, by name.
  package func tensors(for ports: [Model.Port], in model: Model, _ fill: Fill) throws(EngineError)
    -> [String: Tensor]
  {
    try checkMemory(of: model, ports)
    let batchSymbols = model.batchSymbols
    var tensors: [String: Tensor] = [:]
    for port in ports { tensors[port.name] = try tensor(for: port, batchSymbols: batchSymbols, fill) }
    return tensors
  }

  private func tensor(for port: Model.Port, batchSymbols: [String], _ fill: Fill) throws(EngineError)
    -> Tensor
  {
    let sizes = try sizes(of: port, batchSymbols: batchSymbols)
    guard let type = port.type.tensor?.dataType, type != .string, !type.isComplex else {
      throw EngineError(
        .wrongInput, subject: "input '\(port.name)'", expectation: "elements that can be made up",
        finding: "\(port.type)", hint: "give a file: --input \(port.name)=FILE")
    }
    do throws(TensorError) {
      let count = try Tensor.elementCount(of: sizes)
      if fill == .zeros {
        return try .fromFloats([Float](repeating: 0, count: count), dataType: type, sizes: sizes)
      }
      var random = SplitMix(seed: seed, port.name)
      switch type {
      case .uint8: return try Tensor((0..<count).map { _ in UInt8(random.next() >> 56) }, sizes: sizes)
      case let type where type.isFloatingPoint:
        return try .fromFloats((0..<count).map { _ in random.nextFloat() }, dataType: type, sizes: sizes)
      default:
        return try .fromInt64s(
          (0..<count).map { _ in Int64(random.next() >> 63) }, dataType: type, sizes: sizes)
      }
    } catch {
      throw EngineError(
        .wrongInput, subject: "input '\(port.name)'", expectation: "", finding: error.description)
    }
  }

  /// A value for every input.
  package func values(for model: Model, _ fill: Fill = .random) throws(EngineError) -> [String: RuntimeValue]
  {
    if let batch { try model.requireBatch(batch) }
    return try tensors(for: model.requiredInputs, in: model, fill).mapValues { .tensor($0) }
  }
}
