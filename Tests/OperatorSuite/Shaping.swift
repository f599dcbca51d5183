import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let shaping: [OperatorCase] = all([
    reshapes, flattened, axes, transposes, expansions, tiles, depths, spaces,
  ])

  /// 0, 1, 2, …, so that every element says where it came from.
  static func counting(_ sizes: [Int]) -> Grid {
    Grid(sizes, (0..<sizes.reduce(1, *)).map { Double($0) })
  }

  static func vector(_ numbers: [Int], _ type: DataType = .int64) -> RuntimeValue {
    Grid([numbers.count], numbers.map { Double($0) }).value(type)
  }

  /// `x` and its result in several element types, small enough for each to hold.
  static func moved(
    _ name: String, _ op: any Operator, _ x: Grid, _ others: [RuntimeValue?] = [], gives y: Grid
  ) -> [OperatorCase] {
    var cases = [DataType.float32, .int64, .float16, .uint8, .bool, .int4, .uint2].map {
      (type: DataType) -> OperatorCase in
      let limit: Double = type == .bool ? 2 : type == .uint2 ? 4 : type == .int4 ? 8 : 128
      func fit(_ grid: Grid) -> Grid { grid.map { $0.truncatingRemainder(dividingBy: limit) } }
      return OperatorCase(
        "\(name)\(type == .float32 ? "" : "/\(type.rawValue)")", op, [fit(x).value(type)] + others,
        gives: [fit(y).value(type)])
    }
    cases.append(
      OperatorCase(
        "\(name)/strings", op, [strings(x.values.map { "s\($0)" }, x.sizes)] + others,
        gives: [strings(y.values.map { "s\($0)" }, y.sizes)]))
    return cases
  }

  private static func reshaped(
    _ label: String, _ x: [Int], _ target: [Int], to y: [Int], allowZero: Bool = false
  ) -> [OperatorCase] {
    let values = counting(x)
    return moved(
      "Reshape/\(label)", Reshape(target: target, allowZero: allowZero), values, gives: Grid(y, values.values)
    )
      + [
        OperatorCase(
          "Reshape/\(label)/operand", Reshape(allowZero: allowZero), [values.value(), vector(target)],
          gives: [Grid(y, values.values).value()])
      ]
  }

  private static let reshapes: [OperatorCase] = all([
    reshaped("plain", [2, 3, 4], [4, 6], to: [4, 6]), reshaped("free", [2, 3, 4], [2, -1], to: [2, 12]),
    reshaped("copied", [2, 3, 4], [0, -1], to: [2, 12]), reshaped("scalar", [1], [], to: []),
    reshaped("empty", [0, 3], [3, -1], to: [3, 0]),
    reshaped("zero", [0, 3], [3, 0], to: [3, 0], allowZero: true),
  ])

  private static let flattenings: [([Int], Int)] = [
    ([2, 3, 4], 1), ([2, 3, 4], 0), ([2, 3, 4], 3), ([2, 3, 4], -1), ([5], 1), ([], 0), ([2, 0, 3], 2),
  ]

  private static let flattened: [OperatorCase] = flattenings.flatMap { (sizes, axis) -> [OperatorCase] in
    let first = axis < 0 ? axis + sizes.count : axis
    let y: [Int] = [sizes[..<first].reduce(1, *), sizes[first...].reduce(1, *)]
    return moved(
      "Flatten/\(sizes)/axis\(axis)", Flatten(axis: axis), counting(sizes),
      gives: Grid(y, counting(sizes).values))
  }

  private static func squeezed(_ x: [Int], _ axes: [Int]?, to y: [Int]) -> [OperatorCase] {
    let values = counting(x)
    let label = "Squeeze/\(x)\(axes.map { "\($0)" } ?? "")"
    var cases = moved(label, Squeeze(axes: axes), values, gives: Grid(y, values.values))
    if let axes {
      cases.append(
        OperatorCase(
          label + "/operand", Squeeze(), [values.value(), vector(axes)],
          gives: [Grid(y, values.values).value()]))
    }
    return cases
  }

  private static func unsqueezed(_ x: [Int], _ axes: [Int], to y: [Int]) -> [OperatorCase] {
    let values = counting(x)
    let label = "Unsqueeze/\(x)\(axes)"
    return moved(label, Unsqueeze(axes: axes), values, gives: Grid(y, values.values)) + [
      OperatorCase(
        label + "/operand", Unsqueeze(), [values.value(), vector(axes)],
        gives: [Grid(y, values.values).value()])
    ]
  }

  private static let axes: [OperatorCase] = all([
    squeezed([1, 3, 1, 5], nil, to: [3, 5]), squeezed([1, 3, 1, 5], [0], to: [3, 1, 5]),
    squeezed([1, 3, 1, 5], [-2, 0], to: [3, 5]), squeezed([1], [0], to: []), squeezed([1, 0], [0], to: [0]),
    unsqueezed([3, 5], [0], to: [1, 3, 5]), unsqueezed([3, 5], [1, -1], to: [3, 1, 5, 1]),
    unsqueezed([], [0], to: [1]), unsqueezed([0], [0, 2], to: [1, 0, 1]),
  ])

  private static let permutations: [([Int], [Int]?)] = [
    ([2, 3], nil), ([2, 3, 5], nil), ([2, 3, 5], [0, 2, 1]), ([2, 3, 4, 5], [0, 2, 3, 1]),
    ([2, 3, 4, 5], [0, 3, 1, 2]),
    ([1, 2, 3, 4, 5], [4, 0, 2, 1, 3]), ([7], [0]), ([], []), ([2, 0, 3], [2, 1, 0]),
    ([1, 5, 1], [2, 1, 0]),
  ]

  private static let transposes: [OperatorCase] = permutations.flatMap {
    (sizes, permutation) -> [OperatorCase] in
    let order = permutation ?? Array(sizes.indices.reversed())
    let x = counting(sizes)
    let y = Grid(order.map { sizes[$0] }) { (index: [Int]) -> Double in
      var source = index
      for (i, axis) in order.enumerated() { source[axis] = index[i] }
      return x.at(source)
    }
    return moved(
      "Transpose/\(sizes)\(permutation.map { "\($0)" } ?? "")", Transpose(permutation: permutation), x,
      gives: y)
  }

  private static let expandedShapes: [([Int], [Int])] = [
    ([3, 1], [3, 5]), ([3, 1], [2, 1, 5]), ([2, 3], [1]), ([], [2, 3]), ([1], [0]), ([0, 1], [1, 3]),
    ([5], [5]),
  ]

  private static let expansions: [OperatorCase] = expandedShapes.flatMap {
    (sizes, target) -> [OperatorCase] in
    let x = counting(sizes)
    let y = Grid(Grid.broadcastSizes([sizes, target])) { x.broadcast(at: $0) }
    return moved("Expand/\(sizes)\(target)", Expand(target: target), x, gives: y) + [
      OperatorCase(
        "Expand/\(sizes)\(target)/operand", Expand(), [x.value(), vector(target)], gives: [y.value()])
    ]
  }

  private static let tilings: [([Int], [Int])] = [
    ([2, 3], [2, 1]), ([2, 3], [1, 3]), ([3], [4]), ([2, 2, 2], [2, 3, 1]), ([2, 3], [0, 1]), ([], []),
  ]

  private static let bomb = OperatorCase(
    "Tile/bomb", Tile(), [counting([4]).value(), vector([1 << 60])], gives: [counting([4]).value()],
    fault: .budget)

  private static let tiles: [OperatorCase] =
    [bomb]
    + tilings.flatMap { (sizes, repeats) -> [OperatorCase] in
      let x = counting(sizes)
      let y = Grid(sizes.indices.map { sizes[$0] * repeats[$0] }) { (index: [Int]) -> Double in
        x.at(index.indices.map { index[$0] % sizes[$0] })
      }
      return moved("Tile/\(sizes)\(repeats)", Tile(repeats: repeats), x, gives: y) + [
        OperatorCase(
          "Tile/\(sizes)\(repeats)/operand", Tile(), [x.value(), vector(repeats)], gives: [y.value()])
      ]
    }

  private static let deep: [([Int], Int)] = [
    ([1, 8, 2, 3], 2), ([2, 9, 1, 2], 3), ([1, 3, 2, 2], 1), ([0, 4, 2, 2], 2),
  ]
  private static let flat: [([Int], Int)] = [([1, 2, 4, 6], 2), ([2, 1, 3, 3], 3), ([1, 3, 2, 2], 1)]

  private static let depths: [OperatorCase] = deep.flatMap { (sizes, block) -> [OperatorCase] in
    let x = counting(sizes)
    let channels = sizes[1] / (block * block)
    let result = [sizes[0], channels, sizes[2] * block, sizes[3] * block]
    return [DepthToSpace.Mode.dcr, .crd].flatMap { (mode) -> [OperatorCase] in
      let y = Grid(result) { (i: [Int]) -> Double in
        let (bh, bw) = (i[2] % block, i[3] % block)
        let c = mode == .dcr ? (bh * block + bw) * channels + i[1] : (i[1] * block + bh) * block + bw
        return x.at([i[0], c, i[2] / block, i[3] / block])
      }
      return moved("DepthToSpace/\(sizes)/\(mode)", DepthToSpace(blockSize: block, mode: mode), x, gives: y)
    }
  }

  private static let spaces: [OperatorCase] = flat.flatMap { (sizes, block) -> [OperatorCase] in
    let x = counting(sizes)
    return [DepthToSpace.Mode.dcr, .crd].flatMap { (mode) -> [OperatorCase] in
      let y = Grid([sizes[0], sizes[1] * block * block, sizes[2] / block, sizes[3] / block]) {
        (i: [Int]) -> Double in
        let part = mode == .dcr ? i[1] / sizes[1] : i[1] % (block * block)
        let channel = mode == .dcr ? i[1] % sizes[1] : i[1] / (block * block)
        return x.at([i[0], channel, i[2] * block + part / block, i[3] * block + part % block])
      }
      return moved("SpaceToDepth/\(sizes)/\(mode)", SpaceToDepth(blockSize: block, mode: mode), x, gives: y)
    }
  }
}
