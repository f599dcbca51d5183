import IR
import Kernels
import NaiveKernels
import Operators
import Tensors
import TestSupport
import Testing

/// Results of methods that take fewer steps than the definition agree with the definition.
@Suite struct DefinitionTests {
  private static func evaluated(_ op: any Operator, _ operands: [RuntimeValue?]) throws -> Tensor {
    try #require(try evaluate(op, operands, wanted: [true])[0]?.tensor)
  }

  // MARK: - Transforms

  /// Lengths that are powers, products of small primes, primes, and products of large ones.
  private static let lengths =
    Array(1...40) + [61, 64, 67, 101, 120, 127, 134, 211, 251, 257, 360, 1009, 1024, 4096]

  @Test(arguments: lengths, [false, true])
  func transforms(length: Int, inverse: Bool) throws {
    var generator = SeededGenerator("transform \(length)")
    let x = Grid.reals([length, 2], &generator)
    let found = try Self.evaluated(DFT(axis: 0, inverse: inverse), [x.value(.float64)]).doubles()
    let (real, imaginary) = Self.roots(length, inverse: inverse)
    var worst = 0.0
    for k in 0..<length {
      var (sr, si) = (0.0, 0.0)
      for n in 0..<length {
        let (c, s) = (real[k * n % length], imaginary[k * n % length])
        let (a, b) = (x.values[2 * n], x.values[2 * n + 1])
        sr += a * c - b * s
        si += a * s + b * c
      }
      let scale = inverse ? 1 / Double(length) : 1
      worst = max(worst, (found[2 * k] - sr * scale).magnitude, (found[2 * k + 1] - si * scale).magnitude)
    }
    // Sums of `length` numbers up to 2, each rounded: the bound is far above both methods' errors.
    #expect(worst <= 1e-15 * Double(length + 16) * (inverse ? 1 / Double(length) : 1) * 8, "\(worst)")
  }

  /// cos and ∓sin of every part of a turn, from the first octant, where they are most exact.
  private static func roots(_ length: Int, inverse: Bool) -> ([Double], [Double]) {
    var (real, imaginary): ([Double], [Double]) = ([], [])
    for k in 0..<length {
      let angle = 2 * Double.pi * Double(k) / Double(length)
      real.append(cosine(angle))
      imaginary.append((inverse ? 1 : -1) * cosine(angle - .pi / 2))
    }
    return (real, imaginary)
  }

  /// By its series: tests need no library of mathematics.
  private static func cosine(_ angle: Double) -> Double {
    var x = angle.remainder(dividingBy: 2 * .pi)
    var sign = 1.0
    if x.magnitude > .pi / 2 { (x, sign) = (.pi - x.magnitude, -1) }
    var (sum, term) = (0.0, 1.0)
    for n in stride(from: 2.0, through: 40, by: 2) {
      sum += term
      term *= -x * x / (n * (n - 1))
    }
    return sign * sum
  }

  // MARK: - Sums of products

  private static let equations: [(String, [[Int]])] = [
    ("ab,bc,cd->ad", [[3, 4], [4, 2], [2, 5]]), ("ab,cd,bc->da", [[3, 4], [2, 5], [4, 2]]),
    ("ii->i", [[4, 4]]), ("ii", [[4, 4]]), ("iij,jk->k", [[3, 3, 2], [2, 4]]), ("a,b,c->", [[3], [4], [5]]),
    ("a,b,c->cab", [[3], [4], [5]]), ("a,a,a->a", [[3], [3], [3]]),
    ("ab,ab,ab->", [[2, 3], [2, 3], [2, 3]]),
    ("...ab,...bc->...ac", [[2, 1, 3, 4], [5, 4, 2]]), ("abc->cb", [[2, 3, 4]]), ("ab,b->a", [[2, 1], [3]]),
    ("bhqd,bhkd->bhqk", [[2, 2, 3, 4], [2, 2, 5, 4]]),
    ("a,ab,abc,cd,d->b", [[2], [2, 3], [2, 3, 2], [2, 3], [3]]),
    ("ab->ab", [[1, 3]]), (",a->a", [[], [3]]),
  ]

  @Test(arguments: equations.indices)
  func sumsOfProducts(index: Int) throws {
    let (equation, shapes) = Self.equations[index]
    var generator = SeededGenerator(equation)
    let operands = shapes.map { Grid.integers($0, &generator) }
    let terms = try EinsumTerms(equation, operandCount: shapes.count).axes(ranks: shapes.map(\.count))
    var sizes = [Int](repeating: 1, count: terms.count)
    for (axes, shape) in zip(terms.operands, shapes) {
      for (axis, size) in zip(axes, shape) where size != 1 { sizes[axis] = size }
    }
    var sums = [[Int]: Double]()
    Grid.forEachIndex(sizes) { index in
      var product = 1.0
      for (axes, operand) in zip(terms.operands, operands) {
        product *= operand.at(zip(axes, operand.sizes).map { $1 == 1 ? 0 : index[$0] })
      }
      sums[terms.result.map { index[$0] }, default: 0] += product
    }
    let expected = Grid(terms.result.map { sizes[$0] }) { sums[$0] ?? 0 }
    for type in [DataType.float32, .float64, .int32, .int64] {
      let found = try Self.evaluated(Einsum(equation: equation), operands.map { $0.value(type) })
      #expect(OperatorCase.mismatch(found, expected.tensor(type), .exact) == nil, "\(equation) \(type)")
    }
  }

  @Test func manyFactors() throws {
    let equation = [String](repeating: "a", count: 200).joined(separator: ",") + "->a"
    let found = try Self.evaluated(
      Einsum(equation: equation), [RuntimeValue?](repeating: Grid([2], [1, -1]).value(), count: 200))
    #expect(try found.doubles() == [1, 1])
  }

  // MARK: - Windows

  private struct Geometry: CustomStringConvertible {
    let input, kernel, stride, dilation, begin, end: Int
    var description: String { "\(input) \(kernel) \(stride) \(dilation) \(begin) \(end)" }

    init(_ generator: inout SeededGenerator) {
      input = .random(in: 1...9, using: &generator)
      kernel = .random(in: 1...14, using: &generator)
      stride = .random(in: 1...5, using: &generator)
      dilation = .random(in: 1...4, using: &generator)
      begin = .random(in: 0...20, using: &generator)
      end = .random(in: 0...20, using: &generator)
    }

    var positions: Int { (input + begin + end - (kernel - 1) * dilation - 1) / stride + 1 }
    var isValid: Bool { input + begin + end >= (kernel - 1) * dilation + 1 }

    /// The positions, in the frame of the input, that a window reads.
    func taps(_ position: Int) -> [Int] { (0..<kernel).map { position * stride - begin + $0 * dilation } }
  }

  /// Windows in two axes, many of them larger than the image, or outside of it.
  @Test(arguments: 0..<60)
  func windows(seed: Int) throws {
    var generator = SeededGenerator("windows \(seed)")
    let rows = Geometry(&generator)
    let columns = Geometry(&generator)
    guard rows.isValid, columns.isValid else { return }
    let window = Window(
      kernel: [rows.kernel, columns.kernel], strides: [rows.stride, columns.stride],
      dilations: [rows.dilation, columns.dilation], padsBegin: [rows.begin, columns.begin],
      padsEnd: [rows.end, columns.end])
    let x = Grid.integers([1, 2, rows.input, columns.input], &generator)
    let sizes = [1, 2, rows.positions, columns.positions]
    func elements(_ index: [Int]) -> [Double] {
      rows.taps(index[2]).flatMap { r in
        columns.taps(index[3]).compactMap { c in
          x.position([0, index[1], r, c]).map { x.values[$0] }
        }
      }
    }
    let largest = Grid(sizes) { elements($0).max() ?? -.infinity }
    let found = try Self.evaluated(MaxPool(window: window), [x.value()])
    #expect(OperatorCase.mismatch(found, largest.tensor(), .exact) == nil, "\(rows), \(columns)")

    for counts in [false, true] {
      let average = Grid(sizes) { index in
        func inside(_ g: Geometry, _ position: Int) -> Int {
          g.taps(position).count { counts ? -g.begin..<g.input + g.end ~= $0 : 0..<g.input ~= $0 }
        }
        let count = inside(rows, index[2]) * inside(columns, index[3])
        return elements(index).reduce(0, +) / Double(max(count, 1))
      }
      let found = try Self.evaluated(
        AveragePool(window: window, countIncludePad: counts), [x.value(.float64)])
      #expect(
        OperatorCase.mismatch(found, average.tensor(.float64), .exact) == nil, "\(rows), \(columns) \(counts)"
      )
    }

    let norms = Grid(sizes) { elements($0).reduce(0) { $0 + $1.magnitude } }
    let sums = try Self.evaluated(LpPool(window: window, p: 1), [x.value()])
    #expect(OperatorCase.mismatch(sums, norms.tensor(), .exact) == nil, "\(rows), \(columns)")

    let w = Grid.integers([1, 2, rows.kernel, columns.kernel], &generator)
    let convolved = Grid([1, 1] + sizes[2...]) { index in
      var sum = 0.0
      for c in 0..<2 {
        for (i, r) in rows.taps(index[2]).enumerated() {
          for (j, s) in columns.taps(index[3]).enumerated() {
            sum += w.at([0, c, i, j]) * x.at([0, c, r, s])
          }
        }
      }
      return sum
    }
    let y = try Self.evaluated(Convolution(window: window), [x.value(), w.value()])
    #expect(OperatorCase.mismatch(y, convolved.tensor(), .exact) == nil, "\(rows), \(columns)")
  }

  /// Windows far larger than the image take no longer than the image.
  @Test(.timeLimit(.minutes(1))) func wideWindows() throws {
    let size = 1 << 23
    let x = Grid([1, 1, 2], [3, 5]).value()
    let window = Window(kernel: [size], padsBegin: [size], padsEnd: [size])
    let largest = try Self.evaluated(MaxPool(window: window), [x]).doubles()
    #expect(largest.count == size + 3)
    #expect(largest[0] == -.infinity && largest[1] == 3 && largest[2] == 5 && largest[size + 1] == 5)
    let whole = Window(kernel: [4096, 4096], padsBegin: [4095, 4095])
    let pixels = Grid([1, 1, 2, 2], [1, 2, 3, 6]).value()
    #expect(try Self.evaluated(LpPool(window: whole, p: 1), [pixels]).doubles() == [1, 3, 4, 12])
    #expect(try Self.evaluated(AveragePool(window: whole), [pixels]).doubles() == [1, 1.5, 2, 3])
  }

  // MARK: - Resizing and padding

  /// A region that is not a number lies outside of the image.
  @Test(arguments: [Double.nan, .infinity, -.infinity], [Resize.Mode.nearest, .linear, .cubic])
  func regions(bound: Double, mode: Resize.Mode) throws {
    let resize = Resize(mode: mode, coordinates: .tfCropAndResize, extrapolationValue: 7, sizes: [3, 3])
    let x = Grid([2, 2], [1, 2, 3, 4]).value()
    for region in [[bound, 0, 1, 1], [0, bound, 1, bound], [0, 0, bound, bound]] {
      let found = try Self.evaluated(resize, [x, Grid([4], region).value()]).doubles()
      #expect(found.contains(7), "\(region)")
      #expect(found.allSatisfy { $0.isFinite }, "\(region): \(found)")
    }
    let all = try Self.evaluated(resize, [x, Grid([4], [bound, bound, bound, bound]).value()]).doubles()
    #expect(all == [Double](repeating: 7, count: 9))
  }

  /// Axes longer than a table of positions.
  @Test func longAxes() throws {
    let count = 10_000
    let x = Grid([2, 3], [1, 2, 3, 4, 5, 6])
    let wrapped = try Self.evaluated(Pad(mode: .wrap, pads: [0, count, 0, count]), [x.value(.int64)])
    #expect(
      try wrapped.doubles()
        == Grid([2, 3 + 2 * count]) { x.at([$0[0], (($0[1] - count) % 3 + 3) % 3]) }.values)
    let tall = try Self.evaluated(Pad(mode: .edge, pads: [count, 0, count, 0]), [x.value(.int16)])
    #expect(
      try tall.doubles() == Grid([2 + 2 * count, 3]) { x.at([min(max($0[0] - count, 0), 1), $0[1]]) }.values)
    let wide = try Self.evaluated(
      Resize(coordinates: .asymmetric, rounding: .floor, sizes: [4, 3 * count]), [x.value()])
    #expect(try wide.doubles() == Grid([4, 3 * count]) { x.at([$0[0] / 2, $0[1] / count]) }.values)
  }

  /// Borders and cuts in one: negative padding cuts.
  @Test(arguments: [
    [1, 2, 3, 4], [-1, 2, 0, -2], [-2, -3, 4, 5], [2, -1, -1, 3], [-2, 0, 0, 0], [5, -3, -4, 0],
  ])
  func borders(pads: [Int]) throws {
    let x = Grid([2, 3], [1, 2, 3, 4, 5, 6])
    let sizes = [2 + pads[0] + pads[2], 3 + pads[1] + pads[3]]
    let found = try Self.evaluated(Pad(pads: pads, value: 9), [x.value()])
    let expected = Grid(sizes) { x.at([$0[0] - pads[0], $0[1] - pads[1]], outside: 9) }
    #expect(OperatorCase.mismatch(found, expected.tensor(), .exact) == nil)
  }

  /// An image that is no image of the batch.
  @Test(arguments: [3e38, -1, 2, .nan, .infinity], [Real(0), 1e-30, 1])
  func imagesOfRegions(image: Double, scale: Real) throws {
    let x = Grid([2, 1, 2, 2]) { _ in 1 }.value()
    let op = MaxRoiPool(height: 1, width: 1, scale: scale)
    #expect(throws: KernelFault.indexOutOfRange(operand: 1)) {
      _ = try evaluate(op, [x, Grid([1, 5], [image, 0, 0, 1, 1]).value()], wanted: [true])
    }
  }

  /// The method of the least number of comparisons is that of the definition: labels by their sums.
  @Test func uniqueRows() throws {
    let x = Grid([5, 2], [3, 1, 1, 2, 3, 1, 1, 2, 0, 0])
    let wanted = [true, true, true, true]
    let sorted = try evaluate(Unique(axis: 0), [x.value()], wanted: wanted).map { try $0?.tensor?.doubles() }
    #expect(sorted == [[0, 0, 1, 2, 3, 1], [4, 1, 0], [2, 1, 2, 1, 0], [1, 2, 2]])
    let plain = try evaluate(Unique(axis: 0, sorted: false), [x.value()], wanted: wanted).map {
      try $0?.tensor?.doubles()
    }
    #expect(plain == [[3, 1, 1, 2, 0, 0], [0, 1, 4], [0, 1, 0, 1, 2], [2, 2, 1]])
    let nothing = RuntimeValue.tensor(try Tensor(uninitialized: .float32, sizes: [3, 0]))
    let empty = try evaluate(Unique(axis: 0), [nothing], wanted: wanted).map { $0?.tensor }
    #expect(empty[0]?.sizes == [1, 0])
    #expect(try empty.dropFirst().map { try $0?.doubles() } == [[0], [0, 0, 0], [3]])
  }
}
