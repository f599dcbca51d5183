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

  package init(batch: Int? = nil, sizes: [String: Int] = [:], seed: UInt64 = 1) {
    self.batch = batch
    self.sizes = sizes
    self.seed = seed
  }
}

extension Model {
  /// Names of the sizes that stand first in an input: the batch, by whatever name.
  package var batchSymbols: [String] {
    var names: [String] = []
    for port in inputs {
      guard let first = port.type.tensor?.shape?.first, let symbol = first.symbols.first,
        first == Dimension(symbol), !names.contains(symbol.name)
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

  package var portsText: String { inputs.map { "\($0.name): \($0.type)" }.joined(separator: ", ") }
}

extension InputMaker {
  /// The sizes of an input. Throws when one has a name that was not given.
  package func sizes(of port: Model.Port, in model: Model) throws(EngineError) -> [Int] {
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
    let batchSymbols = model.batchSymbols
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

  /// A tensor for an input. Random elements: −1 to 1 for floats, 0 and 1 for integers (which may be indices or
  /// masks), any byte for uint8.
  package func tensor(for port: Model.Port, in model: Model, _ fill: Fill) throws(EngineError) -> Tensor {
    let sizes = try sizes(of: port, in: model)
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
    var values: [String: RuntimeValue] = [:]
    for port in model.inputs {
      if case .optional = port.type { continue }
      values[port.name] = .tensor(try tensor(for: port, in: model, fill))
    }
    return values
  }
}
