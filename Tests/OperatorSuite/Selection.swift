import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let selection: [OperatorCase] = all([
    concats, splits, slices, extremeSlices, pads, gathers, nonZeros,
  ])

  private static let concatenated: [([[Int]], Int)] = [
    ([[2, 3], [2, 5]], 1), ([[2, 3], [4, 3]], 0), ([[1, 2, 3], [1, 5, 3], [1, 1, 3]], -2), ([[3]], 0),
    ([[2, 0], [2, 3], [2, 0]], 1), ([[0, 3], [0, 3]], 0), ([[1, 16, 3, 3], [1, 17, 3, 3]], 1),
    ([[2, 3, 2, 2], [2, 1, 2, 2]], 1),
  ]

  private static let concats: [OperatorCase] = concatenated.flatMap { (shapes, axis) -> [OperatorCase] in
    let parts = shapes.enumerated().map { i, sizes in counting(sizes).map { $0 + Double(i * 3) } }
    let at = axis < 0 ? axis + shapes[0].count : axis
    var sizes = shapes[0]
    sizes[at] = shapes.reduce(0) { $0 + $1[at] }
    let y = Grid(sizes) { (index: [Int]) -> Double in
      var rest = index
      for part in parts {
        if rest[at] < part.sizes[at] { return part.at(rest) }
        rest[at] -= part.sizes[at]
      }
      return .nan
    }
    let name = "Concat/\(shapes)/axis\(axis)"
    let typed = [DataType.float32, .int64, .uint8, .float16, .int4].map { (type: DataType) -> OperatorCase in
      func fit(_ grid: Grid) -> RuntimeValue {
        grid.map { $0.truncatingRemainder(dividingBy: type == .int4 ? 8 : 128) }.value(type)
      }
      return OperatorCase("\(name)/\(type.rawValue)", Concat(axis: axis), parts.map(fit), gives: [fit(y)])
    }
    return typed + [
      OperatorCase(
        "\(name)/strings", Concat(axis: axis), parts.map { strings($0.values.map { "\($0)" }, $0.sizes) },
        gives: [strings(y.values.map { "\($0)" }, y.sizes)])
    ]
  }

  private static func splitCase(
    _ sizes: [Int], axis: Int, _ parts: [Int], given: Bool = true, unwanted: Int? = nil,
    operand: Bool = false,
    type: DataType = .float32
  ) -> OperatorCase {
    let x = counting(sizes)
    let at = axis < 0 ? axis + sizes.count : axis
    var first = 0
    let results: [RuntimeValue?] = parts.enumerated().map { (i: Int, count: Int) -> RuntimeValue? in
      defer { first += count }
      var size = sizes
      size[at] = count
      let y = Grid(size) { (index: [Int]) -> Double in
        var source = index
        source[at] += first
        return x.at(source)
      }
      return i == unwanted ? nil : y.value(type)
    }
    let kind = "\(given ? "" : "/equal")\(unwanted.map { "/without\($0)" } ?? "")\(operand ? "/operand" : "")"
    return OperatorCase(
      "Split/\(sizes)/axis\(axis)/\(parts)\(kind)/\(type.rawValue)",
      Split(axis: axis, sizes: given && !operand ? parts : nil),
      [x.value(type)] + (operand ? [vector(parts)] : []),
      gives: results)
  }

  private static let splits: [OperatorCase] = [
    splitCase([2, 6], axis: 1, [2, 4]), splitCase([6, 2], axis: 0, [1, 2, 3]),
    splitCase([2, 3, 4], axis: -1, [3, 1]),
    splitCase([5], axis: 0, [2, 2, 1], given: false), splitCase([6], axis: 0, [3, 3], given: false),
    splitCase([6], axis: 0, [0, 6]), splitCase([6], axis: 0, [2, 2, 2], unwanted: 1),
    splitCase([6, 2], axis: 0, [4, 2], operand: true), splitCase([0, 2], axis: 0, [0, 0], given: false),
    splitCase([6], axis: 0, [1, 5], type: .int64), splitCase([7], axis: 0, [3, 4], type: .int4),
  ]

  // MARK: - Slices

  /// Positions along one axis, after NumPy's slice.
  private static func positions(_ start: Int, _ end: Int, _ step: Int, _ size: Int) -> [Int] {
    var (from, to) = (start < 0 ? start + size : start, end < 0 ? end + size : end)
    from = step > 0 ? min(max(from, 0), size) : min(max(from, 0), size - 1)
    to = step > 0 ? min(max(to, 0), size) : min(max(to, -1), size - 1)
    return size == 0 ? [] : Array(Swift.stride(from: from, to: to, by: step))
  }

  private static func slicedAxes(
    _ sizes: [Int], _ starts: [Int], _ ends: [Int], _ axes: [Int], _ steps: [Int]
  ) -> [[Int]] {
    var all = sizes.map { Array(0..<$0) }
    for (i, axis) in axes.enumerated() {
      let at = axis < 0 ? axis + sizes.count : axis
      all[at] = positions(starts[i], ends[i], steps[i], sizes[at])
    }
    return all
  }

  private static let sliced: [([Int], [Int], [Int], [Int]?, [Int]?)] = [
    ([5], [1], [4], nil, nil), ([5, 3], [1, 0], [3, 2], nil, nil), ([5, 7], [2], [100], [1], nil),
    ([5, 7], [-3], [-1], [-1], nil), ([7], [6], [0], [0], [-2]), ([7], [-1], [-100], [0], [-1]),
    ([7], [0], [7], [0], [3]),
    ([3, 4, 5], [1, 2], [3, 5], [0, 2], [1, 2]), ([5], [3], [2], nil, nil), ([5], [10], [20], [0], [1]),
    ([0, 3], [0], [2], [0], [1]), ([2, 3], [1, 2], [-4, -4], [0, 1], [-1, -1]),
  ]

  private static let slices: [OperatorCase] = sliced.flatMap {
    (sizes, starts, ends, axes, steps) -> [OperatorCase] in
    let x = counting(sizes)
    let maps = slicedAxes(
      sizes, starts, ends, axes ?? Array(starts.indices), steps ?? [Int](repeating: 1, count: starts.count))
    let y = Grid(maps.map(\.count)) { index in x.at(index.indices.map { maps[$0][index[$0]] }) }
    let name = "Slice/\(sizes)\(starts)\(ends)\(axes ?? [])\(steps ?? [])"
    return moved(name, Slice(starts: starts, ends: ends, axes: axes, steps: steps), x, gives: y) + [
      OperatorCase(
        name + "/operands", Slice(),
        [x.value(), vector(starts), vector(ends), axes.map { vector($0) }, steps.map { vector($0, .int64) }],
        gives: [y.value()])
    ]
  }

  private static let extremeSlices: [OperatorCase] = [
    OperatorCase(
      "Slice/extreme", Slice(starts: [.max], ends: [.min], axes: [0], steps: [.min]), [counting([4]).value()],
      gives: [Grid([1], [3]).value()]),
    OperatorCase(
      "Slice/extreme/forward", Slice(starts: [.min], ends: [.max], axes: [0], steps: [.max]),
      [counting([4]).value()],
      gives: [Grid([1], [0]).value()]),
  ]

  // MARK: - Padding

  private static func source(_ mode: Pad.Mode, _ i: Int, _ size: Int) -> Int? {
    if 0..<size ~= i { return i }
    switch mode {
    case .constant: return nil
    case .edge: return min(max(i, 0), size - 1)
    case .wrap: return ((i % size) + size) % size
    case .reflect:
      // Walk, turning around at either end.
      var (at, step) = (0, i < 0 ? -1 : 1)
      for _ in 0..<abs(i) where size > 1 {
        if !(0..<size ~= at + step) { step = -step }
        at += step
      }
      // A walk to the left from 0 is one to the right.
      return at
    }
  }

  private static func padCase(
    _ mode: Pad.Mode, _ sizes: [Int], _ pads: [Int], axes: [Int]? = nil, value: Real? = nil
  ) -> [OperatorCase] {
    let x = counting(sizes).map { $0 + 1 }
    var begins = [Int](repeating: 0, count: sizes.count)
    var result = sizes
    let spread = axes ?? Array(sizes.indices)
    for (i, axis) in spread.enumerated() {
      let at = axis < 0 ? axis + sizes.count : axis
      begins[at] = pads[i]
      result[at] += pads[i] + pads[spread.count + i]
    }
    let y = Grid(result) { (index: [Int]) -> Double in
      var at: [Int] = []
      for axis in index.indices {
        guard let position = source(mode, index[axis] - begins[axis], sizes[axis]) else {
          return value?.value ?? 0
        }
        at.append(position)
      }
      return x.at(at)
    }
    let name = "Pad/\(mode)/\(sizes)\(pads)\(axes ?? [])\(value.map { "/\($0.text)" } ?? "")"
    let typed = [DataType.float32, .int32, .uint8, .float16].map { (type: DataType) -> OperatorCase in
      OperatorCase(
        "\(name)/\(type.rawValue)", Pad(mode: mode, pads: pads, axes: axes, value: value), [x.value(type)],
        gives: [y.value(type)])
    }
    return typed + [
      OperatorCase(
        name + "/operands", Pad(mode: mode),
        [x.value(), vector(pads), Grid([], [value?.value ?? 0]).value(), axes.map { vector($0) }],
        gives: [y.value()])
    ]
  }

  private static let pads: [OperatorCase] = all([
    padCase(.constant, [3], [1, 2]), padCase(.constant, [2, 3], [0, 1, 2, 0], value: 7),
    padCase(.constant, [1, 2, 3, 3], [0, 0, 1, 1, 0, 0, 1, 1]), padCase(.constant, [4], [-1, -2]),
    padCase(.constant, [4, 3], [1, -2], axes: [-1], value: 5),
    padCase(.constant, [0, 2], [1, 0, 1, 0], value: 3),
    padCase(.edge, [3, 2], [2, 1, 1, 2]), padCase(.reflect, [4], [3, 2]),
    padCase(.reflect, [3, 4], [2, 0, 1, 3]),
    padCase(.reflect, [3], [5, 4]), padCase(.wrap, [3], [2, 4]), padCase(.wrap, [2, 3], [1, 2, 3, 0]),
    [
      OperatorCase(
        "Pad/strings", Pad(pads: [1, 0]), [strings(["a", "b"])], gives: [strings(["", "a", "b"])]),
      OperatorCase(
        "Pad/bomb", Pad(), [counting([2]).value(), vector([1 << 39, 1 << 39])],
        gives: [counting([2]).value()],
        fault: .budget),
    ],
  ])

  // MARK: - Gather, NonZero

  private static func gatherCase(
    _ sizes: [Int], _ indices: [Int], shape: [Int]? = nil, axis: Int = 0, type: DataType = .int64
  ) -> [OperatorCase] {
    let x = counting(sizes)
    let at = axis < 0 ? axis + sizes.count : axis
    let shape = shape ?? [indices.count]
    let positions = Grid(shape, indices.map { Double($0) })
    var result = sizes
    result.replaceSubrange(at...at, with: shape)
    let y = Grid(result) { (index: [Int]) -> Double in
      let given = Int(positions.at(Array(index[at..<at + shape.count])))
      var source = index
      source.replaceSubrange(at..<at + shape.count, with: [given < 0 ? given + sizes[at] : given])
      return x.at(source)
    }
    return moved(
      "Gather/\(sizes)\(indices)\(shape)/axis\(axis)/\(type.rawValue)", Gather(axis: axis), x,
      [positions.value(type)], gives: y)
  }

  private static func badGather(_ label: String, _ index: Int, type: DataType = .int64) -> OperatorCase {
    OperatorCase(
      "Gather/bad/\(label)", Gather(axis: 0), [counting([3, 2]).value(), vector([index], type)],
      gives: [counting([1, 2]).value()], fault: .indexOutOfRange(operand: 1))
  }

  private static let gathers: [OperatorCase] = all([
    gatherCase([5], [0, 4, 2]), gatherCase([5, 3], [1, -1, 0, 1]),
    gatherCase([2, 5, 3], [4, 0, 2, 2], shape: [2, 2], axis: 1),
    gatherCase([3, 4], [3], shape: [], axis: -1),
    gatherCase([3, 4], [1, 2], axis: 1, type: .int32), gatherCase([3, 2], [], shape: [0]),
    gatherCase([3, 0], [2, 1]),
    [
      badGather("beyond", 3), badGather("before", -4), badGather("huge", .max / 2),
      badGather("int32", 3, type: .int32),
    ],
  ])

  private static let nonZeros: [OperatorCase] = [
    OperatorCase(
      "NonZero/matrix", NonZero(), [Grid([2, 3], [0, 1, 0, 2, 0, 3]).value()],
      gives: [Grid([2, 3], [0, 1, 1, 1, 0, 2]).value(.int64)]),
    OperatorCase(
      "NonZero/none", NonZero(), [Grid([3], [0, 0, 0]).value(.int32)],
      gives: [Grid([1, 0], []).value(.int64)]),
    OperatorCase(
      "NonZero/empty", NonZero(), [Grid([2, 0], []).value()], gives: [Grid([2, 0], []).value(.int64)]),
    OperatorCase(
      "NonZero/bool", NonZero(), [Grid([4], [1, 0, 0, 1]).value(.bool)],
      gives: [Grid([1, 2], [0, 3]).value(.int64)]),
    OperatorCase(
      "NonZero/float16", NonZero(), [Grid([2], [0, 0.5]).value(.float16)],
      gives: [Grid([1, 1], [1]).value(.int64)]),
  ]
}
