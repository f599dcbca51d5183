import Kernels
import Operators
import Tensors

// MARK: - The same bytes under other sizes

extension Reshape: NaiveOperator {
  static let naiveName = "reshape"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard var sizes = try call.integers(target, orOperand: 1) else { throw .malformed }
    var free: Int?
    var known = 1
    for axis in sizes.indices {
      if sizes[axis] == 0 && !allowZero {
        guard axis < x.rank else { throw .malformed }
        sizes[axis] = x.sizes[axis]
      }
      if sizes[axis] == -1 {
        guard free == nil else { throw .malformed }
        free = axis
        continue
      }
      let (product, overflow) = known.multipliedReportingOverflow(by: sizes[axis])
      if overflow || sizes[axis] < 0 { throw .malformed }
      known = product
    }
    if let free {
      guard known > 0 ? x.elementCount % known == 0 : x.elementCount == 0 else { throw .malformed }
      sizes[free] = known > 0 ? x.elementCount / known : 0
    }
    call.set(0, .tensor(try x.reshape(sizes)))
  }
}

extension Flatten: NaiveOperator {
  static let naiveName = "flatten"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard axis >= -x.rank, axis <= x.rank else { throw .malformed }
    let axis = axis < 0 ? axis + x.rank : axis
    call.set(0, try .tensor(x.reshape([x.sizes[..<axis].product, x.sizes[axis...].product])))
  }
}

extension Squeeze: NaiveOperator {
  static let naiveName = "squeeze"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let given = try call.integers(axes, orOperand: 1)
    let axes =
      try given.map { (axes) throws(KernelFault) in try normalized(axes, rank: x.rank) }
      ?? x.sizes.indices.filter { x.sizes[$0] == 1 }
    guard axes.allSatisfy({ x.sizes[$0] == 1 }) else { throw .malformed }
    call.set(0, .tensor(try x.reshape(x.sizes.indices.filter { !axes.contains($0) }.map { x.sizes[$0] })))
  }
}

extension Unsqueeze: NaiveOperator {
  static let naiveName = "unsqueeze"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let given = try call.integers(axes, orOperand: 1), given.count <= 1 << 16 else { throw .malformed }
    let rank = x.rank + given.count
    let axes = try normalized(given, rank: rank)
    guard axes.count == given.count else { throw .malformed }
    var sizes = x.sizes
    for axis in axes { sizes.insert(1, at: axis) }
    call.set(0, .tensor(try x.reshape(sizes)))
  }
}

// MARK: - Other orders and repetitions

extension Transpose: NaiveOperator {
  static let naiveName = "transpose"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let order = permutation ?? Array((0..<x.rank).reversed())
    guard order.sorted() == Array(0..<x.rank) else { throw .malformed }
    let sizes = order.map { x.sizes[$0] }
    let strides = try rowMajorStrides(x.sizes)
    let own = try rowMajorStrides(sizes)
    try move([x], x.dataType, sizes, in: &call) { operands, y, width in
      copyStrided(
        from: operands[0].bytes.base, strides: order.map { strides[$0] }, to: y.base, strides: own,
        sizes: sizes, elementByteCount: width)
    }
  }
}

extension Expand: NaiveOperator {
  static let naiveName = "expand"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let target = try call.integers(target, orOperand: 1), target.allSatisfy({ $0 >= 0 }) else {
      throw .malformed
    }
    let sizes = try broadcastSizes([x.sizes, target])
    let strides = try broadcastStrides(x.sizes, to: sizes)
    let own = try rowMajorStrides(sizes)
    try move([x], x.dataType, sizes, in: &call) { operands, y, width in
      copyStrided(
        from: operands[0].bytes.base, strides: strides, to: y.base, strides: own, sizes: sizes,
        elementByteCount: width)
    }
  }
}

extension Tile: NaiveOperator {
  static let naiveName = "tile"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard let repeats = try call.integers(repeats, orOperand: 1), repeats.count == x.rank,
      repeats.allSatisfy({ $0 >= 0 })
    else { throw .malformed }
    var sizes: [Int] = []
    for axis in repeats.indices { sizes.append(try multiplied(x.sizes[axis], repeats[axis])) }
    // Each axis is a pair of axes: repetitions, which do not move the source, and elements.
    var pairs: [Int] = []
    var sourceStrides: [Int] = []
    var targetStrides: [Int] = []
    let (source, target) = try (rowMajorStrides(x.sizes), rowMajorStrides(sizes))
    for axis in repeats.indices {
      pairs += [repeats[axis], x.sizes[axis]]
      sourceStrides += [0, source[axis]]
      targetStrides += [try multiplied(target[axis], x.sizes[axis]), target[axis]]
    }
    try move([x], x.dataType, sizes, in: &call) { operands, y, width in
      copyStrided(
        from: operands[0].bytes.base, strides: sourceStrides, to: y.base, strides: targetStrides,
        sizes: pairs,
        elementByteCount: width)
    }
  }
}

// MARK: - Blocks

/// Views `x` as `sizes`, transposes by `order`, and views the result as `result`.
private func permuteBlocks(
  _ x: Tensor, as sizes: [Int], _ order: [Int], to result: [Int], in call: inout Evaluation
) throws(KernelFault) {
  let strides = try rowMajorStrides(sizes)
  let permuted = order.map { sizes[$0] }
  let own = try rowMajorStrides(permuted)
  try move([x], x.dataType, result, in: &call) { operands, y, width in
    copyStrided(
      from: operands[0].bytes.base, strides: order.map { strides[$0] }, to: y.base,
      strides: own, sizes: permuted, elementByteCount: width)
  }
}

extension DepthToSpace: NaiveOperator {
  static let naiveName = "depth-to-space"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let b = blockSize
    guard x.rank == 4, 1..<1 << 16 ~= b, x.sizes[1] % (b * b) == 0 else { throw .malformed }
    let (n, c, h, w) = (x.sizes[0], x.sizes[1] / (b * b), x.sizes[2], x.sizes[3])
    let result = [n, c, try multiplied(h, b), try multiplied(w, b)]
    switch mode {
    case .dcr: try permuteBlocks(x, as: [n, b, b, c, h, w], [0, 3, 4, 1, 5, 2], to: result, in: &call)
    case .crd: try permuteBlocks(x, as: [n, c, b, b, h, w], [0, 1, 4, 2, 5, 3], to: result, in: &call)
    }
  }
}

extension SpaceToDepth: NaiveOperator {
  static let naiveName = "space-to-depth"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let b = blockSize
    guard x.rank == 4, 1..<1 << 16 ~= b, x.sizes[2] % b == 0, x.sizes[3] % b == 0 else { throw .malformed }
    let (n, c, h, w) = (x.sizes[0], x.sizes[1], x.sizes[2] / b, x.sizes[3] / b)
    let order = mode == .dcr ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4]
    try permuteBlocks(x, as: [n, c, h, b, w, b], order, to: [n, try multiplied(c, b * b), h, w], in: &call)
  }
}
