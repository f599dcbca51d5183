import Kernels
import Tensors

/// The common shape of operands that broadcast to each other by the NumPy rule. Throws where it does not fit.
func broadcastSizes(_ shapes: [[Int]]) throws(KernelFault) -> [Int] {
  let rank = shapes.map(\.count).max() ?? 0
  var sizes = [Int](repeating: 1, count: rank)
  for shape in shapes {
    for (axis, size) in shape.enumerated() {
      let target = rank - shape.count + axis
      if size == 1 || size == sizes[target] { continue }
      if sizes[target] != 1 { throw .malformed }
      sizes[target] = size
    }
  }
  _ = try sizes.product
  return sizes
}

/// Strides that read a row-major operand as if it had the sizes of the result: 0 along axes that it repeats.
func broadcastStrides(_ sizes: [Int], to result: [Int]) throws(KernelFault) -> [Int] {
  guard sizes.count <= result.count else { throw .malformed }
  let dense = try rowMajorStrides(sizes)
  var strides = [Int](repeating: 0, count: result.count)
  for (axis, size) in sizes.enumerated() {
    let target = result.count - sizes.count + axis
    if size == 1 { continue }
    guard size == result[target] else { throw .malformed }
    strides[target] = dense[axis]
  }
  return strides
}

/// The rows of an elementwise computation: a row-major result, and up to three operands with strides of their own.
///
/// Neighbouring axes that every operand walks as one are merged, so that a plain addition is a single row.
struct Rows {
  private(set) var sizes: [Int]
  private(set) var strides: [[Int]]

  init(result: [Int], operands: [[Int]]) throws(KernelFault) {
    sizes = []
    strides = [[Int]](repeating: [], count: operands.count)
    var all: [[Int]] = []
    for operand in operands { all.append(try broadcastStrides(operand, to: result)) }
    for axis in result.indices where result[axis] != 1 {
      let merges =
        !sizes.isEmpty && all.indices.allSatisfy { strides[$0].last == all[$0][axis] * result[axis] }
      if merges {
        sizes[sizes.count - 1] *= result[axis]
      } else {
        sizes.append(result[axis])
      }
      for i in all.indices {
        if merges { strides[i].removeLast() }
        strides[i].append(all[i][axis])
      }
    }
  }

  var rowCount: Int { sizes.last ?? 1 }

  /// The stride of operand `i` along a row.
  func step(_ i: Int) -> Int { strides[i].last ?? 0 }

  /// Calls `body` with the offset of the row in the result and in each operand (three at most).
  @inline(__always)
  func forEach(_ body: (_ result: Int, _ a: Int, _ b: Int, _ c: Int) -> Void) {
    if sizes.contains(0) { return }
    let outer = sizes.count - 1
    if outer <= 0 {
      body(0, 0, 0, 0)
      return
    }
    let none = [Int](repeating: 0, count: sizes.count)
    let first = strides.count > 0 ? strides[0] : none
    let second = strides.count > 1 ? strides[1] : none
    let third = strides.count > 2 ? strides[2] : none
    var index = [Int](repeating: 0, count: outer)
    var (a, b, c, result) = (0, 0, 0, 0)
    while true {
      body(result, a, b, c)
      result += rowCount
      var axis = outer - 1
      while axis >= 0 {
        index[axis] += 1
        a += first[axis]
        b += second[axis]
        c += third[axis]
        if index[axis] < sizes[axis] { break }
        a -= first[axis] * sizes[axis]
        b -= second[axis] * sizes[axis]
        c -= third[axis] * sizes[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
