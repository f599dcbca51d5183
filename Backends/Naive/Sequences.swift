import Kernels
import Operators
import Tensors

extension SequenceConstruct: NaiveOperator {
  static let naiveName = "sequence-construct"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var items: [RuntimeValue] = []
    for operand in call.operands {
      guard let operand else { throw .malformed }
      items.append(operand)
    }
    call.set(0, .sequence(items))
  }
}

extension Evaluation {
  fileprivate func sequence(_ index: Int) throws(KernelFault) -> [RuntimeValue] {
    guard index < operands.count, case .sequence(let items) = operands[index] else { throw .malformed }
    return items
  }
}

extension SequenceAt: NaiveOperator {
  static let naiveName = "sequence-at"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let items = try call.sequence(0)
    guard let position = try call.integers(1), position.count == 1 else { throw .malformed }
    guard position[0] >= -items.count, position[0] < items.count else { throw .indexOutOfRange(operand: 1) }
    call.set(0, items[position[0] < 0 ? position[0] + items.count : position[0]])
  }
}

extension SequenceLength: NaiveOperator {
  static let naiveName = "sequence-length"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let count = try call.sequence(0).count
    let y = try call.result(0, .int64, [])
    y.pointer(Int64.self)[0] = Int64(count)
  }
}
