import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  // Operands are small whole numbers, so that every order of summation gives the same bits.
  static let convolution: [OperatorCase] = all([plainConvolutions, typedConvolutions, transposedConvolutions])

  /// The definition: each result is the sum over the group's channels and the window.
  private static func convolve(_ x: Grid, _ w: Grid, _ bias: Grid?, _ window: Window, groups: Int) -> Grid {
    let rank = x.rank - 2
    let spatial = (0..<rank).map { (a: Int) -> Int in
      let padded = x.sizes[a + 2] + window.padsBegin[a] + window.padsEnd[a]
      let extent = (w.sizes[a + 2] - 1) * window.dilations[a] + 1
      return (padded - extent) / window.strides[a] + 1
    }
    let perGroup = w.sizes[0] / groups
    return Grid([x.sizes[0], w.sizes[0]] + spatial) { index in
      var sum = bias?.at([index[1]]) ?? 0
      Grid.forEachIndex(Array(w.sizes.dropFirst())) { k in
        let channel = index[1] / perGroup * w.sizes[1] + k[0]
        let at = (0..<rank).map { (a: Int) -> Int in
          index[a + 2] * window.strides[a] - window.padsBegin[a] + k[a + 1] * window.dilations[a]
        }
        sum += x.at([index[0], channel] + at) * w.at([index[1]] + k)
      }
      return sum
    }
  }

  /// Operands without the absent ones at the end.
  static func operands(_ grids: [Grid?], _ type: DataType) -> [RuntimeValue?] {
    grids.compactMap { $0 }.map { $0.value(type) }
  }

  private static func convolutionCase(
    _ label: String, x: [Int], w: [Int], bias: Bool = false, strides: [Int]? = nil, dilations: [Int]? = nil,
    begin: [Int]? = nil, end: [Int]? = nil, groups: Int = 1, type: DataType = .float32
  ) -> OperatorCase {
    let name = "Conv/\(label)"
    var generator = SeededGenerator(name)
    let window = Window(
      kernel: Array(w.dropFirst(2)), strides: strides, dilations: dilations, padsBegin: begin,
      padsEnd: end ?? begin)
    let (x, w) = (Grid.integers(x, &generator), Grid.integers(w, &generator))
    let b = bias ? Grid.integers([w.sizes[0]], &generator) : nil
    return OperatorCase(
      name, Convolution(window: window, groups: groups),
      operands([x, w, b], type),
      gives: [convolve(x, w, b, window, groups: groups).value(type)])
  }

  private static let plainConvolutions: [OperatorCase] = [
    convolutionCase("1x1", x: [1, 3, 5, 7], w: [4, 3, 1, 1]),
    convolutionCase("1x1/bias/batch2", x: [2, 17, 3, 5], w: [33, 17, 1, 1], bias: true),
    convolutionCase("1x1/stride2", x: [1, 5, 7, 5], w: [7, 5, 1, 1], strides: [2, 2]),
    convolutionCase("1x1/padded", x: [1, 2, 3, 3], w: [3, 2, 1, 1], bias: true, begin: [1, 1]),
    convolutionCase("3x3", x: [1, 1, 5, 7], w: [1, 1, 3, 3]),
    convolutionCase("3x3/same/bias", x: [1, 3, 7, 5], w: [8, 3, 3, 3], bias: true, begin: [1, 1]),
    convolutionCase("3x3/same/channels16", x: [1, 16, 6, 6], w: [16, 16, 3, 3], begin: [1, 1]),
    convolutionCase(
      "3x3/same/channels17to19", x: [1, 17, 5, 9], w: [19, 17, 3, 3], bias: true, begin: [1, 1]),
    convolutionCase(
      "3x3/stride2/asymmetric", x: [2, 3, 8, 8], w: [5, 3, 3, 3], strides: [2, 2], begin: [0, 0], end: [1, 1]),
    convolutionCase(
      "3x3/stride2x1", x: [1, 2, 7, 7], w: [3, 2, 3, 3], strides: [2, 1], begin: [1, 0], end: [0, 2]),
    convolutionCase("3x3/dilation2", x: [1, 2, 9, 9], w: [3, 2, 3, 3], dilations: [2, 2], begin: [2, 2]),
    convolutionCase(
      "3x2/dilation1x3/stride1x2", x: [1, 2, 5, 11], w: [2, 2, 3, 2], strides: [1, 2], dilations: [1, 3]),
    convolutionCase(
      "5x5/stride3", x: [1, 2, 11, 10], w: [3, 2, 5, 5], bias: true, strides: [3, 3], begin: [2, 2]),
    convolutionCase(
      "7x7/stride2/image", x: [1, 3, 15, 15], w: [16, 3, 7, 7], bias: true, strides: [2, 2], begin: [3, 3]),
    convolutionCase("3x3/window-in-padding", x: [1, 1, 2, 2], w: [2, 1, 3, 3], begin: [3, 3]),
    convolutionCase("3x1", x: [1, 3, 5, 4], w: [4, 3, 3, 1], begin: [1, 0]),
    convolutionCase("whole-image", x: [1, 5, 4, 4], w: [7, 5, 4, 4], bias: true),
    convolutionCase("groups2", x: [1, 6, 5, 5], w: [4, 3, 3, 3], bias: true, begin: [1, 1], groups: 2),
    convolutionCase("groups3/1x1", x: [1, 6, 4, 4], w: [9, 2, 1, 1], groups: 3),
    convolutionCase(
      "depthwise/3x3", x: [1, 16, 7, 7], w: [16, 1, 3, 3], bias: true, begin: [1, 1], groups: 16),
    convolutionCase(
      "depthwise/3x3/stride2", x: [2, 5, 8, 7], w: [5, 1, 3, 3], strides: [2, 2], begin: [1, 1], groups: 5),
    convolutionCase(
      "depthwise/5x5/channels33", x: [1, 33, 6, 9], w: [33, 1, 5, 5], bias: true, begin: [2, 2], groups: 33),
    convolutionCase(
      "depthwise/dilation2", x: [1, 3, 9, 9], w: [3, 1, 3, 3], dilations: [2, 2], begin: [2, 2], groups: 3),
    convolutionCase("depthwise/multiplier2", x: [1, 3, 5, 5], w: [6, 1, 3, 3], begin: [1, 1], groups: 3),
    convolutionCase("1d", x: [2, 3, 11], w: [4, 3, 3], bias: true, strides: [2], begin: [1]),
    convolutionCase("1d/dilated", x: [1, 2, 12], w: [3, 2, 4], dilations: [3]),
    convolutionCase("1d/depthwise", x: [1, 4, 9], w: [4, 1, 3], begin: [1], groups: 4),
    convolutionCase(
      "3d", x: [1, 2, 3, 4, 5], w: [3, 2, 2, 3, 2], bias: true, strides: [1, 2, 1], begin: [1, 0, 1]),
    convolutionCase("batch0", x: [0, 3, 5, 5], w: [4, 3, 3, 3]),
    convolutionCase("channels0", x: [1, 0, 3, 3], w: [2, 0, 3, 3], bias: true),
  ]

  private static let typedConvolutions: [OperatorCase] = [DataType.float64, .float16, .bfloat16].map {
    convolutionCase(
      "3x3/\($0.rawValue)", x: [1, 2, 4, 4], w: [2, 2, 3, 3], bias: true, begin: [1, 1], type: $0)
  }

  // MARK: - Transposed

  /// The definition: each operand element adds its window to the result.
  private static func scatter(
    _ x: Grid, _ w: Grid, _ bias: Grid?, _ window: Window, groups: Int, outputPadding: [Int]
  ) -> Grid {
    let rank = x.rank - 2
    let spatial = (0..<rank).map { (a: Int) -> Int in
      let reach = (x.sizes[a + 2] - 1) * window.strides[a] + outputPadding[a]
      let extent = (w.sizes[a + 2] - 1) * window.dilations[a] + 1
      return reach + extent - window.padsBegin[a] - window.padsEnd[a]
    }
    let outputs = w.sizes[1] * groups
    var sums = Grid([x.sizes[0], outputs] + spatial) { bias?.at([$0[1]]) ?? 0 }.values
    let y = Grid([x.sizes[0], outputs] + spatial) { _ in 0 }
    Grid.forEachIndex(x.sizes) { i in
      Grid.forEachIndex(Array(w.sizes.dropFirst())) { k in
        let group = i[1] / (x.sizes[1] / groups)
        let at = (0..<rank).map { (a: Int) -> Int in
          i[a + 2] * window.strides[a] - window.padsBegin[a] + k[a + 1] * window.dilations[a]
        }
        if let position = y.position([i[0], group * w.sizes[1] + k[0]] + at) {
          sums[position] += x.at(i) * w.at([i[1]] + k)
        }
      }
    }
    return Grid(y.sizes, sums)
  }

  private static func transposedCase(
    _ label: String, x: [Int], w: [Int], bias: Bool = false, strides: [Int]? = nil, dilations: [Int]? = nil,
    begin: [Int]? = nil, end: [Int]? = nil, groups: Int = 1, outputPadding: [Int]? = nil,
    type: DataType = .float32
  ) -> OperatorCase {
    let name = "ConvTranspose/\(label)"
    var generator = SeededGenerator(name)
    let window = Window(
      kernel: Array(w.dropFirst(2)), strides: strides, dilations: dilations, padsBegin: begin,
      padsEnd: end ?? begin)
    let (x, w) = (Grid.integers(x, &generator), Grid.integers(w, &generator))
    let b = bias ? Grid.integers([w.sizes[1] * groups], &generator) : nil
    let op = ConvTranspose(window: window, groups: groups, outputPadding: outputPadding)
    return OperatorCase(
      name, op, operands([x, w, b], type),
      gives: [scatter(x, w, b, window, groups: groups, outputPadding: op.outputPadding).value(type)])
  }

  private static let transposedConvolutions: [OperatorCase] = [
    transposedCase("2x2/stride2", x: [1, 3, 4, 5], w: [3, 2, 2, 2], strides: [2, 2]),
    transposedCase("3x3/bias", x: [1, 2, 3, 3], w: [2, 5, 3, 3], bias: true),
    transposedCase(
      "3x3/stride2/padded", x: [2, 2, 4, 3], w: [2, 3, 3, 3], strides: [2, 2], begin: [1, 1],
      outputPadding: [1, 1]),
    transposedCase(
      "3x3/stride3x2/asymmetric", x: [1, 1, 3, 3], w: [1, 2, 3, 3], strides: [3, 2], begin: [1, 0],
      end: [0, 2]),
    transposedCase("3x3/dilation2", x: [1, 2, 3, 3], w: [2, 2, 3, 3], dilations: [2, 2], begin: [1, 1]),
    transposedCase("groups2", x: [1, 4, 3, 3], w: [4, 3, 3, 3], bias: true, strides: [2, 2], groups: 2),
    transposedCase(
      "depthwise", x: [1, 3, 4, 4], w: [3, 1, 4, 4], strides: [2, 2], begin: [1, 1], groups: 3),
    transposedCase("1d", x: [2, 3, 5], w: [3, 2, 3], strides: [2]),
    transposedCase("3d", x: [1, 2, 2, 3, 2], w: [2, 2, 2, 2, 2], strides: [1, 2, 1]),
    transposedCase("batch0", x: [0, 2, 3, 3], w: [2, 2, 3, 3]),
    transposedCase("float64", x: [1, 2, 3, 3], w: [2, 2, 3, 3], type: .float64),
  ]
}
