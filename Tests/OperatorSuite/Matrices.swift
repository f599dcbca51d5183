import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let matrices: [OperatorCase] = all([bitCasts, eyes, triangles, determinants, einsums])

  private static let bitCasts: [OperatorCase] = [
    OperatorCase(
      "BitCast/float32", BitCast(to: .int32), [Grid([2], [1, -2]).value()],
      gives: [Grid([2], [Double(0x3F80_0000), Double(Int32(bitPattern: 0xC000_0000))]).value(.int32)]),
    OperatorCase(
      "BitCast/uint8", BitCast(to: .int8), [Grid([2, 1], [200, 3]).value(.uint8)],
      gives: [Grid([2, 1], [-56, 3]).value(.int8)]),
    OperatorCase(
      "BitCast/int4", BitCast(to: .uint4), [Grid([3], [-1, 5, -8]).value(.int4)],
      gives: [Grid([3], [15, 5, 8]).value(.uint4)]),
    OperatorCase(
      "BitCast/scalar", BitCast(to: .float64), [Grid([], [0]).value(.int64)],
      gives: [Grid([], [0]).value(.float64)]),
  ]

  private static let eyes: [OperatorCase] = [
    ([3, 4], 0), ([3, 4], 2), ([3, 4], -2), ([2, 2], 9), ([2, 2], Int.min), ([0, 3], 0),
  ].flatMap { (sizes: [Int], k: Int) -> [OperatorCase] in
    let y = Grid(sizes) { $0[1] - $0[0] == k ? 1 : 0 }
    return [nil, DataType.int32, .float16, .bool].map { (type: DataType?) -> OperatorCase in
      OperatorCase(
        "EyeLike/\(sizes)/\(k)/\(type?.rawValue ?? "same")", EyeLike(dataType: type, k: k),
        [counting(sizes).value()],
        gives: [y.value(type ?? .float32)])
    }
  }

  private static let triangles: [OperatorCase] = [
    ([3, 4], nil), ([4, 3], 1), ([2, 3, 3], -1), ([3, 3], 7), ([3, 3], -7), ([2, 2], Int.max),
    ([0, 2, 3], 0),
    ([3, 0], 0),
  ].flatMap { (sizes: [Int], k: Int?) -> [OperatorCase] in
    let x = counting(sizes).map { $0 + 1 }
    return [true, false].flatMap { (upper: Bool) -> [OperatorCase] in
      let y = Grid(sizes) { (i: [Int]) -> Double in
        let diagonal = i[i.count - 1] - i[i.count - 2]
        return (upper ? diagonal >= k ?? 0 : diagonal <= k ?? 0) ? x.at(i) : 0
      }
      return [DataType.float32, .int64, .bool, .int4].map { (type: DataType) -> OperatorCase in
        func fit(_ grid: Grid) -> RuntimeValue {
          grid.map { type == .bool ? min($0, 1) : type == .int4 ? $0.truncatingRemainder(dividingBy: 8) : $0 }
            .value(type)
        }
        return OperatorCase(
          "Trilu/\(sizes)/\(k.map { "\($0)" } ?? "none")/\(upper)/\(type.rawValue)", Trilu(upper: upper),
          [fit(x)] + (k.map { [vector([$0])] } ?? []), gives: [fit(y)])
      }
    }
  }

  private static let determinants: [OperatorCase] = [
    OperatorCase("Det/2x2", Det(), [Grid([2, 2], [0, 1, 2, 3]).value()], gives: [Grid([], [-2]).value()]),
    OperatorCase(
      "Det/batch", Det(), [Grid([3, 2, 2], [1, 2, 3, 4, 1, 2, 2, 1, 1, 3, 3, 1]).value(.float64)],
      gives: [Grid([3], [-2, -3, -8]).value(.float64)], .float32),
    OperatorCase(
      "Det/singular", Det(), [Grid([3, 3], [1, 2, 4, 2, 4, 8, 0, 0, 1]).value()],
      gives: [Grid([], [0]).value()]),
    OperatorCase("Det/empty", Det(), [Grid([2, 0, 0], []).value()], gives: [Grid([2], [1, 1]).value()]),
  ]

  /// The sum over every letter that the result lacks, term by term. Letters stand for axes one by one.
  private static func einsum(_ equation: String, plain: String? = nil, _ shapes: [[Int]]) -> [OperatorCase] {
    let sides = (plain ?? equation).split(separator: ">", omittingEmptySubsequences: false)
    let terms = sides[0].dropLast().split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
    let result = Array(sides[1])
    let operands = shapes.enumerated().map { i, sizes in
      counting(sizes).map { ($0 + Double(i)).truncatingRemainder(dividingBy: 5) - 2 }
    }
    var sizes: [Character: Int] = [:]
    for (term, shape) in zip(terms, shapes) {
      for (letter, size) in zip(term, shape) { sizes[letter] = size == 1 ? sizes[letter] ?? 1 : size }
    }
    let summed = Set(terms.joined()).subtracting(result).sorted()
    let y = Grid(result.map { sizes[$0] ?? 1 }) { (index: [Int]) -> Double in
      var total = 0.0
      Grid.forEachIndex(summed.map { sizes[$0] ?? 1 }) { rest in
        var place: [Character: Int] = [:]
        for (letter, i) in zip(result, index) { place[letter] = i }
        for (letter, i) in zip(summed, rest) { place[letter] = i }
        var product = 1.0
        for (term, operand) in zip(terms, operands) {
          product *= operand.at(zip(term, operand.sizes).map { $1 == 1 ? 0 : place[$0] ?? 0 })
        }
        total += product
      }
      return total
    }
    return [DataType.float32, .int64].map { (type: DataType) -> OperatorCase in
      OperatorCase(
        "Einsum/\(equation)/\(shapes)/\(type.rawValue)", Einsum(equation: equation),
        operands.map { $0.value(type) }, gives: [y.value(type)])
    }
  }

  private static let einsums: [OperatorCase] = all([
    einsum("ij,jk->ik", [[2, 3], [3, 4]]),
    einsum(" b i j , b j k -> b i k", plain: "bij,bjk->bik", [[2, 3, 2], [2, 2, 3]]),
    einsum("ij->ji", [[2, 3]]), einsum("ii->i", [[3, 3]]), einsum("ii", plain: "ii->", [[3, 3]]),
    einsum("ba", plain: "ba->ab", [[2, 3]]), einsum("ij,jk", plain: "ij,jk->ik", [[2, 3], [3, 2]]),
    einsum("...ij,...jk->...ik", plain: "abij,bjk->abik", [[2, 3, 2, 2], [3, 2, 1]]),
    einsum("...i->...", plain: "abi->ab", [[2, 2, 3]]), einsum("...i", plain: "abi->abi", [[2, 2, 3]]),
    einsum("i...,...", plain: "iab,b->abi", [[2, 2, 3], [3]]), einsum("i,j,k->kij", [[2], [3], [2]]),
    einsum("bn,anm,bm->ba", [[2, 3], [2, 3, 2], [2, 2]]), einsum("ij,ij->", [[2, 3], [2, 3]]),
    einsum("aB,Bc->ac", [[2, 1], [3, 2]]), einsum("i->", [[0]]), einsum("->", [[]]),
    einsum("ij,j->i", [[0, 2], [2]]),
  ])
}
