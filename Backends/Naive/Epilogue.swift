import IR
import Kernels
import Operators
import Tensors

extension Epilogue {
  var changesType: Bool {
    steps.contains { step in
      switch step {
      case .unary(let function): function.isPredicate
      case .binary(let function, _, _): function.isComparison
      case .quantize, .convert: true
      case .clamp: false
      }
    }
  }
}

/// The meaning of an epilogue: each step is the operator of that name applied to the whole result, in its type.
///
/// `destination` is used where its type is that of a step's result, and may be `x` itself.
package func applyEpilogue(
  _ epilogue: Epilogue, _ x: Tensor, _ operands: [Tensor], destination: Tensor? = nil
) throws(KernelFault) -> Tensor {
  var x = x
  for step in epilogue.steps {
    let op: any NaiveOperator
    var values: [RuntimeValue?] = [.tensor(x)]
    switch step {
    case .unary(let function): op = Unary(function)
    case .clamp(let lower, let upper): op = Clip(lower: lower, upper: upper)
    case .binary(let function, let index, let swapped):
      guard operands.indices.contains(index) else { throw .malformed }
      op = Binary(function)
      values.insert(.tensor(operands[index]), at: swapped ? 0 : 1)
    case .convert(let dataType): op = Cast(to: dataType)
    case .quantize(let scale, let zeroPoint, let axis, let dataType):
      guard operands.indices.contains(scale), zeroPoint.map({ operands.indices.contains($0) }) ?? true else {
        throw .malformed
      }
      x = try quantize(
        x, scale: operands[scale], zeroPoint: zeroPoint.map { operands[$0] }, axis: axis, to: dataType)
      continue
    }
    let resultType = try stepType(step, x.dataType)
    let target = destination.flatMap { $0.dataType == resultType ? $0 : nil }
    // Comparisons and predicates write narrower elements than they read.
    let isInPlaceSafe = resultType == x.dataType || target?.storage !== x.storage
    let results = try op.results(
      values, wanted: [true], destinations: [isInPlaceSafe ? target : nil], byteLimit: Evaluation.byteLimit)
    guard let result = results[0]?.tensor, result.sizes == x.sizes else { throw .sizeMismatch(output: 0) }
    x = result
  }
  return x
}

private func stepType(_ step: Epilogue.Step, _ dataType: DataType) throws(KernelFault) -> DataType {
  do {
    return try Epilogue([step.withOperandZero]).resultType(
      TensorType(dataType, nil), [Operand(.unknown), Operand(.unknown)]
    ).dataType
  } catch { throw .malformed }
}

extension Epilogue.Step {
  fileprivate var withOperandZero: Epilogue.Step {
    switch self {
    case .binary(let function, _, let swapped): .binary(function, 0, swapped: swapped)
    case .quantize(_, let zero, let axis, let type):
      .quantize(scale: 0, zeroPoint: zero.map { _ in 1 }, axis: axis, type)
    case .unary, .clamp, .convert: self
    }
  }
}

/// ONNX `QuantizeLinear`: x ÷ scale, rounded half to even, plus the zero point, clamped to the type. Quotients are
/// float32, or float64 where `x` is.
func quantize(
  _ x: Tensor, scale: Tensor, zeroPoint: Tensor?, axis: Int?, to dataType: DataType
) throws(KernelFault) -> Tensor {
  let y = try Tensor.allocate(dataType, x.sizes)
  guard let codec = ElementCodec(dataType) else { throw .notRepresentable }
  y.clear()
  let x = try x.plain()
  guard let source = ElementCodec(x.dataType) else { throw .notRepresentable }
  let parameters = Evaluation([], wanted: [])
  let scales: [Double] = try parameters.reals(try scale.plain())
  let zeros = try zeroPoint.map { (zero) throws(KernelFault) in try parameters.reals(zero.plain()) as [Double]
  }
  var inner = 1
  if scales.count != 1 || scale.rank > 0, let axis {
    let axis = try normalized(axis, rank: x.rank)
    guard scales.count == x.sizes[axis] else { throw .malformed }
    inner = try x.sizes[(axis + 1)...].product
  } else if scales.count != 1 {
    throw .malformed
  }
  guard zeros.map({ $0.count == scales.count }) ?? true else { throw .malformed }
  let bounds = integerBounds(of: dataType)
  for i in 0..<x.elementCount {
    let value = source.double(at: i, in: x.bytes.base)
    let c = scales.count == 1 ? 0 : i / inner % scales.count
    let quotient = x.dataType == .float64 ? value / scales[c] : Double(Float(value) / Float(scales[c]))
    guard let bounds else {
      codec.store(quotient + (zeros?[c] ?? 0), at: i, in: y.base)
      continue
    }
    let rounded = quotient.rounded(.toNearestOrEven) + (zeros?[c] ?? 0)
    codec.store(rounded.isNaN ? 0 : clamp(rounded, bounds.0, bounds.1), at: i, in: y.base)
  }
  return y
}

/// The least and greatest element of an integer type; nil for floats, which saturate by themselves.
private func integerBounds(of dataType: DataType) -> (Double, Double)? {
  guard dataType.isInteger, let bits = dataType.bitWidth else { return nil }
  let half = Double(sign: .plus, exponent: bits - 1, significand: 1)
  return dataType.isSignedInteger ? (-half, half - 1) : (0, 2 * half - 1)
}
