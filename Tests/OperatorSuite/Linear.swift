import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let linear: [OperatorCase] = all([gemms, products])

  private static func gemmCase(
    _ label: String, m: Int, k: Int, n: Int, transA: Bool = false, transB: Bool = false, alpha: Real = 1,
    beta: Real = 1, c: [Int]? = nil, type: DataType = .float32
  ) -> OperatorCase {
    let name = "Gemm/\(label)"
    var generator = SeededGenerator(name)
    let a = Grid.integers(transA ? [k, m] : [m, k], &generator)
    let b = Grid.integers(transB ? [n, k] : [k, n], &generator)
    let c = c.map { Grid.integers($0, &generator) }
    let y = Grid([m, n]) { (index: [Int]) -> Double in
      var sum = 0.0
      for p in 0..<k {
        let left = transA ? [p, index[0]] : [index[0], p]
        let right = transB ? [index[1], p] : [p, index[1]]
        sum += a.at(left) * b.at(right)
      }
      return alpha.value * sum + beta.value * (c?.broadcast(at: index) ?? 0)
    }
    return OperatorCase(
      name, Gemm(transA: transA, transB: transB, alpha: alpha, beta: beta),
      operands([a, b, c], type), gives: [y.value(type)])
  }

  private static let gemms: [OperatorCase] = [
    gemmCase("1x1x1", m: 1, k: 1, n: 1),
    gemmCase("3x5x7", m: 3, k: 5, n: 7),
    gemmCase("transA", m: 3, k: 5, n: 7, transA: true, c: [7]),
    gemmCase("transB", m: 3, k: 5, n: 7, transB: true, c: [3, 1]),
    gemmCase("transA/transB", m: 7, k: 2, n: 5, transA: true, transB: true, c: [7, 5]),
    gemmCase("row", m: 1, k: 33, n: 17, transB: true, c: [17]),
    gemmCase("column", m: 19, k: 13, n: 1, c: []),
    gemmCase("tile", m: 16, k: 16, n: 32, c: [1, 32]),
    gemmCase("beyond-tile", m: 17, k: 65, n: 33, transB: true, c: [33]),
    gemmCase("alpha", m: 3, k: 4, n: 5, alpha: 0.5),
    gemmCase("alpha/beta", m: 3, k: 4, n: 5, alpha: 2, beta: 0.25, c: [5]),
    gemmCase("beta0", m: 2, k: 3, n: 2, beta: 0, c: [2]),
    gemmCase("rows0", m: 0, k: 3, n: 2, c: [2]),
    gemmCase("inner0", m: 2, k: 0, n: 3, c: [3]),
    gemmCase("columns0", m: 2, k: 3, n: 0),
    gemmCase("float64", m: 3, k: 5, n: 7, c: [7], type: .float64),
    gemmCase("float16", m: 3, k: 5, n: 7, c: [7], type: .float16),
    gemmCase("int32", m: 3, k: 5, n: 7, c: [7], type: .int32),
    gemmCase("int64", m: 3, k: 5, n: 7, transB: true, type: .int64),
  ]

  private static func productCase(_ label: String, _ a: [Int], _ b: [Int], type: DataType = .float32)
    -> OperatorCase
  {
    let name = "MatMul/\(label)"
    var generator = SeededGenerator(name)
    let (x, y) = (Grid.integers(a, &generator), Grid.integers(b, &generator))
    let left = Grid(a.count == 1 ? [1] + a : a, x.values)
    let right = Grid(b.count == 1 ? b + [1] : b, y.values)
    let batch = Grid.broadcastSizes([Array(left.sizes.dropLast(2)), Array(right.sizes.dropLast(2))])
    let (m, n) = (left.sizes[left.rank - 2], right.sizes[right.rank - 1])
    let product = Grid(batch + [m, n]) { (index: [Int]) -> Double in
      var sum = 0.0
      let outer = Array(index.dropLast(2))
      for p in 0..<left.sizes[left.rank - 1] {
        let row: [Int] = outer + [index[index.count - 2], p]
        let column: [Int] = outer + [p, index[index.count - 1]]
        sum += left.broadcast(at: row) * right.broadcast(at: column)
      }
      return sum
    }
    var sizes = batch
    if a.count > 1 { sizes.append(m) }
    if b.count > 1 { sizes.append(n) }
    return OperatorCase(
      name, MatMul(), [x.value(type), y.value(type)], gives: [Grid(sizes, product.values).value(type)])
  }

  private static let products: [OperatorCase] = [
    productCase("matrix", [3, 5], [5, 7]),
    productCase("row", [1, 17], [17, 33]),
    productCase("beyond-tile", [15, 31], [31, 35]),
    productCase("vector-matrix", [5], [5, 3]),
    productCase("matrix-vector", [3, 5], [5]),
    productCase("vector-vector", [7], [7]),
    productCase("batch", [2, 3, 4, 5], [2, 3, 5, 2]),
    productCase("batch/shared", [2, 3, 4], [4, 5]),
    productCase("batch/broadcast", [2, 1, 3, 4], [5, 4, 2]),
    productCase("batch/vector", [2, 3, 4], [4]),
    productCase("vector/batch", [4], [2, 4, 3]),
    productCase("batch0", [0, 2, 3], [3, 2]),
    productCase("rows0", [0, 3], [3, 2]),
    productCase("inner0", [2, 0], [0, 3]),
    productCase("float64", [2, 3], [3, 2], type: .float64),
    productCase("int32", [2, 3], [3, 2], type: .int32),
    productCase("bfloat16", [2, 3], [3, 2], type: .bfloat16),
  ]
}
