import IR
import Operators
import Tensors

extension Epilogue {
  /// The steps from `start` on, and which operands they use, numbered anew from 0.
  func suffix(from start: Int) -> (epilogue: Epilogue, operands: [Int]) {
    var operands: [Int] = []
    func renumbered(_ i: Int) -> Int {
      if let position = operands.firstIndex(of: i) { return position }
      operands.append(i)
      return operands.count - 1
    }
    let renamed = steps[start...].map { step -> Step in
      switch step {
      case .binary(let function, let i, let swapped): .binary(function, renumbered(i), swapped: swapped)
      case .quantize(let scale, let zero, let axis, let type):
        .quantize(scale: renumbered(scale), zeroPoint: zero.map(renumbered), axis: axis, type)
      case .unary, .clamp, .convert: step
      }
    }
    return (Epilogue(renamed), operands)
  }
}

extension Graph {
  /// Splits the steps of a node's epilogue from `count` on off into pointwise nodes behind it: the first such step
  /// becomes a node of its own, and the rest its epilogue.
  mutating func splitEpilogue(of id: NodeID, after count: Int) throws(GraphError) {
    let node = self[id]
    guard count < node.epilogue.steps.count, let output = node.outputs.first ?? nil else { return }
    var patch = Patch(for: self)
    let head = node.epilogue.prefix(count)
    let headOperands = Array(node.epilogueInputs.prefix(head.operandCount))
    let base = try patch.insert(
      any: node.op, node.inputs, epilogue: head, with: headOperands, regions: node.regions,
      wanted: node.outputs.map { $0 != nil }, named: node.name, in: self)
    guard let stem = base[0] else {
      throw GraphError(.malformed("an epilogue without a result"), node: node.name)
    }
    let (rest, restOperands) = node.epilogue.suffix(from: count + 1)
    let operands = restOperands.map { node.epilogueInputs[$0] }
    let name = "\(node.name)/\(node.epilogue.steps[count].text)"
    let op: any Operator
    var inputs: [ValueID?] = [stem]
    switch node.epilogue.steps[count] {
    case .unary(let function): op = Unary(function)
    case .clamp(let lower, let upper): op = Clip(lower: lower, upper: upper)
    case .binary(let function, let i, let swapped):
      op = Binary(function)
      let operand = node.epilogueInputs[i]
      inputs = swapped ? [operand, stem] : [stem, operand]
    case .convert(let type): op = Cast(to: type)
    case .quantize: throw GraphError(.malformed("no kernel quantizes this result"), node: node.name)
    }
    let tail = try patch.insert(
      any: op, inputs, epilogue: rest, with: operands, regions: [], wanted: [true], named: name, in: self)
    guard let replacement = tail[0] else {
      throw GraphError(.malformed("a step without a result"), node: node.name)
    }
    patch.replace(output, with: replacement)
    try apply(patch)
  }
}
