import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let pooling: [OperatorCase] = all([maxima, averages, globals])

  /// Positions of the window along one axis, by trying each.
  private static func outputSize(_ window: Window, _ axis: Int, _ input: Int, ceilMode: Bool) -> Int {
    let extent = (window.kernel[axis] - 1) * window.dilations[axis] + 1
    var count = 0
    while true {
      let start = count * window.strides[axis] - window.padsBegin[axis]
      let fits = start + extent <= input + window.padsEnd[axis]
      if !fits {
        // A partial window counts when it starts before the padding at the end, and the last one left a rest.
        let rest = (start - window.strides[axis] + extent) < input + window.padsEnd[axis]
        return ceilMode && rest && start < input ? count + 1 : count
      }
      count += 1
    }
  }

  /// Elements of a window: their indices, those in padding too.
  private static func elements(_ window: Window, _ index: [Int]) -> [[Int]] {
    var all: [[Int]] = []
    Grid.forEachIndex(window.kernel) { k in
      let at = k.indices.map { (a: Int) -> Int in
        index[a + 2] * window.strides[a] - window.padsBegin[a] + k[a] * window.dilations[a]
      }
      all.append(Array(index.prefix(2)) + at)
    }
    return all
  }

  private static func sizes(_ window: Window, _ x: Grid, ceilMode: Bool) -> [Int] {
    let spatial = window.kernel.indices.map { (a: Int) -> Int in
      outputSize(window, a, x.sizes[a + 2], ceilMode: ceilMode)
    }
    return Array(x.sizes.prefix(2)) + spatial
  }

  private static func maxCase(
    _ label: String, x: [Int], kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil,
    begin: [Int]? = nil,
    end: [Int]? = nil, ceilMode: Bool = false, indices: Bool = false, columnMajor: Bool = false,
    type: DataType = .float32
  ) -> OperatorCase {
    let name = "MaxPool/\(label)"
    var generator = SeededGenerator(name)
    let window = Window(
      kernel: kernel, strides: strides, dilations: dilations, padsBegin: begin, padsEnd: end ?? begin)
    let x = Grid.integers(x, bound: 100, &generator)
    let sizes = sizes(window, x, ceilMode: ceilMode)
    let y = Grid(sizes) { (index: [Int]) -> Double in
      elements(window, index).map { x.at($0, outside: -.infinity) }.max() ?? 0
    }
    var expected: [RuntimeValue?] = [y.value(type)]
    if indices {
      let positions = Grid(sizes) { (index: [Int]) -> Double in
        let all = elements(window, index).filter { x.position($0) != nil }
        guard let first = all.first(where: { x.at($0) == y.at(index) }), let position = x.position(first)
        else { return 0 }
        if !columnMajor { return Double(position) }
        let plane = x.sizes.dropFirst(2).reduce(1, *)
        var column = 0
        for axis in (2..<x.rank).reversed() { column = column * x.sizes[axis] + first[axis] }
        return Double(position / plane * plane + column)
      }
      expected.append(positions.value(.int64))
    }
    return OperatorCase(
      name, MaxPool(window: window, ceilMode: ceilMode, columnMajorIndices: columnMajor), [x.value(type)],
      gives: expected)
  }

  private static let maxima: [OperatorCase] = [
    maxCase("2x2/stride2", x: [1, 3, 6, 8], kernel: [2, 2], strides: [2, 2]),
    maxCase("3x3/stride2/padded", x: [2, 17, 7, 7], kernel: [3, 3], strides: [2, 2], begin: [1, 1]),
    maxCase("3x3/stride1", x: [1, 5, 5, 6], kernel: [3, 3]),
    maxCase("3x3/stride2/ceil", x: [1, 2, 6, 8], kernel: [3, 3], strides: [2, 2], ceilMode: true),
    maxCase(
      "2x2/stride3/ceil", x: [1, 2, 7, 7], kernel: [2, 2], strides: [3, 3], begin: [1, 1], ceilMode: true),
    maxCase("3x2/asymmetric", x: [1, 2, 5, 5], kernel: [3, 2], begin: [1, 0], end: [0, 1]),
    maxCase("2x2/dilation2", x: [1, 2, 6, 6], kernel: [2, 2], dilations: [2, 2]),
    maxCase("indices", x: [2, 2, 5, 4], kernel: [2, 3], strides: [2, 1], indices: true),
    maxCase(
      "indices/padded", x: [1, 2, 5, 5], kernel: [3, 3], strides: [2, 2], begin: [1, 1], indices: true),
    maxCase("indices/columns", x: [1, 2, 5, 4], kernel: [2, 2], indices: true, columnMajor: true),
    maxCase("1d", x: [1, 3, 9], kernel: [3], strides: [2]),
    maxCase("3d", x: [1, 2, 3, 4, 5], kernel: [2, 2, 2], strides: [1, 2, 2]),
    maxCase("batch0", x: [0, 2, 4, 4], kernel: [2, 2]),
    maxCase("float64", x: [1, 2, 4, 4], kernel: [2, 2], type: .float64),
    maxCase("float16", x: [1, 2, 4, 4], kernel: [2, 2], type: .float16),
    maxCase("int8", x: [1, 2, 4, 4], kernel: [2, 2], strides: [2, 2], type: .int8),
    OperatorCase(
      "MaxPool/nan-wins", MaxPool(window: Window(kernel: [2])),
      [Grid([1, 1, 4], [1, .nan, 2, 3]).value()], gives: [Grid([1, 1, 3], [.nan, .nan, 3]).value()]),
  ]

  private static func averageCase(
    _ label: String, x: [Int], kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil,
    begin: [Int]? = nil,
    end: [Int]? = nil, ceilMode: Bool = false, countIncludePad: Bool = false, type: DataType = .float32
  ) -> OperatorCase {
    let name = "AveragePool/\(label)"
    var generator = SeededGenerator(name)
    let window = Window(
      kernel: kernel, strides: strides, dilations: dilations, padsBegin: begin, padsEnd: end ?? begin)
    let x = Grid.integers(x, &generator)
    let y = Grid(sizes(window, x, ceilMode: ceilMode)) { (index: [Int]) -> Double in
      let all = elements(window, index)
      let counted = all.filter { element in
        window.kernel.indices.allSatisfy { axis in
          let low = countIncludePad ? -window.padsBegin[axis] : 0
          let high = x.sizes[axis + 2] + (countIncludePad ? window.padsEnd[axis] : 0)
          return low..<high ~= element[axis + 2]
        }
      }
      return all.reduce(0) { $0 + x.at($1) } / Double(counted.count)
    }
    return OperatorCase(
      name, AveragePool(window: window, ceilMode: ceilMode, countIncludePad: countIncludePad),
      [x.value(type)],
      gives: [y.value(type)], type == .float32 ? .float32 : .exact)
  }

  private static let averages: [OperatorCase] = [
    averageCase("2x2/stride2", x: [1, 3, 6, 8], kernel: [2, 2], strides: [2, 2]),
    averageCase("3x3/padded", x: [2, 17, 5, 5], kernel: [3, 3], begin: [1, 1]),
    averageCase(
      "3x3/padded/counted", x: [1, 3, 5, 5], kernel: [3, 3], begin: [1, 1], countIncludePad: true),
    averageCase("3x3/stride2/ceil", x: [1, 2, 6, 6], kernel: [3, 3], strides: [2, 2], ceilMode: true),
    averageCase(
      "3x3/stride2/ceil/counted", x: [1, 2, 6, 6], kernel: [3, 3], strides: [2, 2], begin: [1, 1],
      ceilMode: true,
      countIncludePad: true),
    averageCase("2x3/asymmetric", x: [1, 2, 5, 5], kernel: [2, 3], begin: [0, 2], end: [1, 0]),
    averageCase("2x2/dilation2", x: [1, 2, 6, 6], kernel: [2, 2], dilations: [2, 2]),
    averageCase("1d", x: [1, 3, 9], kernel: [3], strides: [2]),
    averageCase("3d", x: [1, 2, 3, 4, 5], kernel: [2, 2, 2], strides: [1, 2, 2]),
    averageCase("batch0", x: [0, 2, 4, 4], kernel: [2, 2]),
    averageCase("float64", x: [1, 2, 4, 4], kernel: [2, 2], type: .float64),
    averageCase("float16", x: [1, 2, 4, 4], kernel: [2, 2], type: .float16),
  ]

  private static let globals: [OperatorCase] = [
    [1, 3, 4, 5], [2, 17, 7, 7], [1, 2, 1, 1], [2, 3, 5], [1, 2, 2, 3, 4], [0, 2, 3, 3],
  ]
  .flatMap { (sizes: [Int]) -> [OperatorCase] in
    var generator = SeededGenerator("global \(sizes)")
    let x = Grid.integers(sizes, &generator)
    let result = Array(sizes.prefix(2)) + [Int](repeating: 1, count: sizes.count - 2)
    func each(_ index: [Int]) -> [Double] {
      var values: [Double] = []
      Grid.forEachIndex(Array(sizes.dropFirst(2))) { values.append(x.at(Array(index.prefix(2)) + $0)) }
      return values
    }
    return [
      OperatorCase(
        "GlobalAveragePool/\(sizes)", GlobalAveragePool(), [x.value()],
        gives: [Grid(result) { each($0).reduce(0, +) / Double(each($0).count) }.value()], .float32),
      OperatorCase(
        "GlobalMaxPool/\(sizes)", GlobalMaxPool(), [x.value()],
        gives: [Grid(result) { each($0).max() ?? 0 }.value()]),
    ]
  }
}
