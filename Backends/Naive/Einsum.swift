import Kernels
import Operators
import Tensors

extension Einsum: NaiveOperator {
  static let naiveName = "einsum"

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    var operands: [Tensor] = []
    for i in call.operands.indices { operands.append(try call.operand(i)) }
    guard let first = operands.first, operands.allSatisfy({ $0.dataType == first.dataType }) else {
      throw .malformed
    }
    let axes: EinsumTerms.Axes
    do {
      axes = try EinsumTerms(equation, operandCount: operands.count).axes(ranks: operands.map(\.rank))
    } catch { throw .malformed }
    var sizes = [Int](repeating: 1, count: axes.count)
    for (i, operand) in operands.enumerated() {
      for (axis, size) in zip(axes.operands[i], operand.sizes) where size != 1 {
        guard sizes[axis] == 1 || sizes[axis] == size else { throw .malformed }
        sizes[axis] = size
      }
    }
    let y = try call.result(0, first.dataType, axes.result.map { sizes[$0] })
    // A sum over nothing is 0.
    if sizes.contains(0) { return y.clear() }
    try visit(
      first.dataType, SumOfProducts(operands: operands, y: y, axes: axes, sizes: sizes, call: call))
  }
}

/// Contracts two factors at a time, those first whose product is smallest, and each as soon as a sum is possible.
private struct SumOfProducts: NumberVisitor {
  let operands: [Tensor]
  let y: Tensor
  let axes: EinsumTerms.Axes
  let sizes: [Int]
  let call: Evaluation

  /// Of more factors the first two are contracted: looking at all pairs takes the cube of their number.
  private static let choiceLimit = 32

  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) { try run(T.self) }
  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) { try run(T.self) }

  private func run<T: Number>(_: T.Type) throws(KernelFault) {
    // How many factors have an axis; the result counts as one.
    var uses = [Int](repeating: 0, count: axes.count)
    for axis in axes.result { uses[axis] += 1 }
    var factors: [Factor<T>] = []
    for (i, operand) in operands.enumerated() {
      let factor = try Factor<T>(operand, axes.operands[i], axisCount: axes.count)
      for axis in factor.axes { uses[axis] += 1 }
      factors.append(factor)
    }
    for i in factors.indices where factors[i].axes.contains(where: { uses[$0] == 1 }) {
      factors[i] = try contract(factors[i], nil, &uses)
    }
    while factors.count > 1 {
      let (i, j) = factors.count > Self.choiceLimit ? (0, 1) : cheapest(factors, uses)
      let product = try contract(factors[i], factors[j], &uses)
      factors.remove(at: j)
      factors[i] = product
    }
    let target = y.pointer(T.self)
    var next = 0
    let strides = axes.result.map { factors[0].stride($0) }
    walk(y.sizes, strides, strides) { offset, _ in
      target[next] = T(sum: factors[0].elements[offset])
      next += 1
    }
  }

  /// The pair whose product adds the fewest elements to those that are there.
  private func cheapest<T: Number>(_ factors: [Factor<T>], _ uses: [Int]) -> (Int, Int) {
    var best = (0, 1)
    var least = Double.infinity
    for j in factors.indices.dropFirst() {
      for i in 0..<j {
        let kept = keptAxes(factors[i], factors[j], uses)
        let cost = elementCount(kept) - elementCount(factors[i].axes) - elementCount(factors[j].axes)
        if cost < least { (best, least) = ((i, j), cost) }
      }
    }
    return best
  }

  private func elementCount(_ axes: [Int]) -> Double { axes.reduce(1) { $0 * Double(sizes[$1]) } }

  /// The axes of either factor that another one, or the result, has too.
  private func keptAxes<T: Number>(_ a: Factor<T>, _ b: Factor<T>?, _ uses: [Int]) -> [Int] {
    let others = b?.axes.filter { !a.has($0) } ?? []
    return (a.axes + others).filter { uses[$0] > (a.has($0) ? 1 : 0) + (b?.has($0) == true ? 1 : 0) }
  }

  /// The product of two factors, or one, summed over the axes that no other has.
  private func contract<T: Number>(
    _ a: Factor<T>, _ b: Factor<T>?, _ uses: inout [Int]
  ) throws(KernelFault) -> Factor<T> {
    let kept = keptAxes(a, b, uses)
    let summed = (a.axes + (b?.axes.filter { !a.has($0) } ?? [])).filter { !kept.contains($0) }
    for axis in a.axes { uses[axis] -= 1 }
    for axis in b?.axes ?? [] { uses[axis] -= 1 }
    for axis in kept { uses[axis] += 1 }
    // A step for some products: those of matrices are many and fast.
    try call.takeSteps(saturatingProduct((kept + summed).map { sizes[$0] }) >> 4)
    let result = try Factor<T>(axes: kept, sizes: kept.map { sizes[$0] }, axisCount: axes.count)
    let keptSizes = kept.map { sizes[$0] }
    let (keptA, keptB) = (kept.map { a.stride($0) }, kept.map { b?.stride($0) ?? 0 })
    let outer = summed.dropLast()
    let (outerSizes, outerA) = (outer.map { sizes[$0] }, outer.map { a.stride($0) })
    let outerB = outer.map { b?.stride($0) ?? 0 }
    let count = summed.last.map { sizes[$0] } ?? 1
    let (stepA, stepB) = (summed.last.map { a.stride($0) } ?? 0, summed.last.map { b?.stride($0) ?? 0 } ?? 0)
    var next = 0
    walk(keptSizes, keptA, keptB) { i, j in
      var total = T.zeroSum
      walk(outerSizes, outerA, outerB) { p, q in
        let left = a.elements + (i + p)
        if let right = b.map({ $0.elements + (j + q) }) {
          for s in 0..<count {
            total = T.add(total, T.multiply(left[s &* stepA], right[s &* stepB]))
          }
        } else {
          for s in 0..<count { total = T.add(total, left[s &* stepA]) }
        }
      }
      result.elements[next] = total
      next += 1
    }
    return result
  }
}

/// Elements as sums, and their strides along the axes that they have.
private struct Factor<T: Number> {
  let axes: [Int]
  /// Of every axis of the equation; 0 along those that the factor repeats.
  private let strides: [Int]
  private let memory: Scratch<T.Sum>

  var elements: UnsafeMutablePointer<T.Sum> { memory.base }

  /// An operand. Of an axis that comes twice the diagonal is read.
  init(_ tensor: Tensor, _ positions: [Int], axisCount: Int) throws(KernelFault) {
    var strides = [Int](repeating: 0, count: axisCount)
    let dense = try rowMajorStrides(tensor.sizes)
    for (i, axis) in positions.enumerated() where tensor.sizes[i] != 1 { strides[axis] += dense[i] }
    self.strides = strides
    axes = strides.indices.filter { strides[$0] != 0 }
    memory = try Scratch(count: tensor.elementCount)
    let source = tensor.pointer(T.self)
    for i in 0..<tensor.elementCount { memory.base[i] = source[i].sum }
  }

  /// Memory for a product, row-major in its axes.
  init(axes: [Int], sizes: [Int], axisCount: Int) throws(KernelFault) {
    self.axes = axes
    var strides = [Int](repeating: 0, count: axisCount)
    for (axis, stride) in zip(axes, try rowMajorStrides(sizes)) { strides[axis] = stride }
    self.strides = strides
    memory = try Scratch(count: try sizes.product)
  }

  func stride(_ axis: Int) -> Int { strides[axis] }
  func has(_ axis: Int) -> Bool { strides[axis] != 0 }
}

/// Calls `body` with the two offsets of every index of a box, in row-major order; once with no axes.
@inline(__always)
private func walk(_ sizes: [Int], _ a: [Int], _ b: [Int], _ body: (Int, Int) -> Void) {
  var index = [Int](repeating: 0, count: sizes.count)
  var (i, j) = (0, 0)
  while true {
    body(i, j)
    var axis = sizes.count - 1
    while axis >= 0 {
      index[axis] += 1
      i += a[axis]
      j += b[axis]
      if index[axis] < sizes[axis] { break }
      i -= a[axis] * sizes[axis]
      j -= b[axis] * sizes[axis]
      index[axis] = 0
      axis -= 1
    }
    if axis < 0 { return }
  }
}
