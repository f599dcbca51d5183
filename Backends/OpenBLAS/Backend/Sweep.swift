import Glibc
import IR
import Kernels
import Tensors

/// Steps applied to a block of a result that lies as a matrix, right after the block was computed.
final class Sweep: Sendable {
  /// How an operand broadcasts to the matrix.
  enum Extent: Sendable { case scalar, row, column, full }

  enum Action: Sendable {
    case relu
    case leakyRelu(Float)
    case clamp(Float, Float)
    case sigmoid
    case silu
    case hardSwish
    case tanh
    /// y + factor · operand
    case add(Float)
    case subtract
    /// operand − y
    case subtractFrom
    case multiply
    case divide
    case maximum
    case minimum
  }

  struct Step: Sendable {
    var action: Action
    /// Place among inputs, then epilogue inputs; −1: no operand. A `row` operand has an element per column.
    var operand = -1
    var extent = Extent.scalar
  }

  let steps: [Step]
  let inputCount: Int

  init(_ steps: [Step], inputCount: Int) {
    self.steps = steps
    self.inputCount = inputCount
  }

  /// The leading steps of the epilogue that this file knows, of at most `limit`. `extent` tells how an
  /// operand lies.
  static func steps(_ request: KernelRequest, limit: Int = .max, _ extent: (Placement) -> Extent?) -> [Step] {
    var steps: [Step] = []
    for step in request.epilogue.steps.prefix(limit) {
      switch step {
      case .unary(.relu): steps.append(Step(action: .relu))
      case .unary(.leakyRelu(let slope)): steps.append(Step(action: .leakyRelu(Float(slope.value))))
      case .unary(.sigmoid): steps.append(Step(action: .sigmoid))
      case .unary(.silu): steps.append(Step(action: .silu))
      case .unary(.hardSwish): steps.append(Step(action: .hardSwish))
      case .unary(.tanh): steps.append(Step(action: .tanh))
      case .clamp(let lower, let upper):
        steps.append(Step(action: .clamp(Float(lower.value), Float(upper.value))))
      case .binary(let function, let index, let swapped):
        let operand = request.epilogueInputs[index].placement
        guard operand.dataType == .float32, let action = action(function, swapped),
          let extent = extent(operand)
        else {
          return steps
        }
        steps.append(Step(action: action, operand: request.inputs.count + index, extent: extent))
      default: return steps
      }
    }
    return steps
  }

  private static func action(_ function: BinaryFunction, _ swapped: Bool) -> Action? {
    switch (function, swapped) {
    case (.add, _): .add(1)
    case (.mul, _): .multiply
    case (.max, _): .maximum
    case (.min, _): .minimum
    case (.sub, false): .subtract
    case (.sub, true): .subtractFrom
    case (.div, false): .divide
    default: nil
    }
  }
}

/// The operands of a sweep in one run. Four are enough for what is fused: bias, residual and two more.
struct SweepOperands {
  static let limit = 4
  var addresses = InlineArray<4, UnsafePointer<Float>?>(repeating: nil)
}

extension Sweep {
  /// False when there are more operands than a run has room for.
  var fits: Bool { steps.filter { $0.operand >= 0 }.count <= SweepOperands.limit }

  func operands(_ call: borrowing KernelCall) -> SweepOperands {
    var operands = SweepOperands()
    var next = 0
    for step in steps where step.operand >= 0 {
      operands.addresses[next] =
        step.operand < inputCount
        ? call.input(step.operand).pointer(to: Float.self)
        : call.epilogueInput(step.operand - inputCount).pointer(to: Float.self)
      next += 1
    }
    return operands
  }

  /// Applies every step to rows × columns elements at `block`, which is at `row`, `column` of a matrix whose rows are
  /// `stride` apart and which starts `origin` elements into full operands.
  func apply(
    _ block: UnsafeMutablePointer<Float>, rows: Int, columns: Int, row: Int, column: Int, stride: Int,
    origin: Int,
    _ operands: SweepOperands
  ) {
    var y = block
    for r in row..<row + rows {
      var next = 0
      for step in steps {
        var operand: UnsafePointer<Float>?
        if step.operand >= 0 {
          operand = operands.addresses[next]
          next += 1
        }
        switch step.extent {
        case .scalar: transform(step.action, y, columns, operand, step: 0)
        case .column: transform(step.action, y, columns, operand.map { $0 + r }, step: 0)
        case .row: transform(step.action, y, columns, operand.map { $0 + column }, step: 1)
        case .full:
          transform(step.action, y, columns, operand.map { $0 + origin + r * stride + column }, step: 1)
        }
      }
      y += stride
    }
  }

  @inline(__always)
  private func transform(
    _ action: Action, _ y: UnsafeMutablePointer<Float>, _ count: Int, _ operand: UnsafePointer<Float>?,
    step: Int
  ) {
    switch action {
    case .relu: each(y, count) { $0 < 0 ? 0 : $0 }
    case .leakyRelu(let slope): each(y, count) { $0 < 0 ? $0 * slope : $0 }
    case .clamp(let lower, let upper):
      each(y, count) { x in
        let raised = x < lower ? lower : x
        return raised > upper ? upper : raised
      }
    case .sigmoid: each(y, count) { 1 / (1 + expf(-$0)) }
    case .silu: each(y, count) { $0 / (1 + expf(-$0)) }
    case .hardSwish: each(y, count) { $0 * min(max($0 * (1 / 6) + 0.5, 0), 1) }
    case .tanh: each(y, count) { tanhf($0) }
    case .add(let factor):
      factor == 1
        ? both(y, count, operand, step) { $0 + $1 } : both(y, count, operand, step) { $0 + factor * $1 }
    case .subtract: both(y, count, operand, step) { $0 - $1 }
    case .subtractFrom: both(y, count, operand, step) { $1 - $0 }
    case .multiply: both(y, count, operand, step) { $0 * $1 }
    case .divide: both(y, count, operand, step) { $0 / $1 }
    case .maximum: both(y, count, operand, step) { $0 < $1 || $1.isNaN ? $1 : $0 }
    case .minimum: both(y, count, operand, step) { $0 > $1 || $1.isNaN ? $1 : $0 }
    }
  }

  @inline(__always)
  private func each(_ y: UnsafeMutablePointer<Float>, _ count: Int, _ f: (Float) -> Float) {
    for i in 0..<count { y[i] = f(y[i]) }
  }

  @inline(__always)
  private func both(
    _ y: UnsafeMutablePointer<Float>, _ count: Int, _ operand: UnsafePointer<Float>?, _ step: Int,
    _ f: (Float, Float) -> Float
  ) {
    guard let operand else { return }
    if step == 0 {
      let value = operand[0]
      for i in 0..<count { y[i] = f(y[i], value) }
    } else {
      for i in 0..<count { y[i] = f(y[i], operand[i]) }
    }
  }
}
