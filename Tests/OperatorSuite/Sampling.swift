import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let sampling: [OperatorCase] = all([
    samples, affineGrids, aligned, pooledRegions, deformed, suppressed,
  ])

  private static let tolerance = OperatorCase.Tolerance.close(relative: 1e-5, absolute: 1e-5)

  // MARK: - Grids

  /// Where coordinate `c` lies on an axis, before padding.
  private static func place(_ c: Double, _ size: Int, _ align: Bool) -> Double {
    align ? (c + 1) / 2 * Double(size - 1) : ((c + 1) * Double(size) - 1) / 2
  }

  /// An element of one axis after padding; nil: zero.
  private static func source(_ i: Int, _ size: Int, _ padding: GridSample.Padding, _ align: Bool) -> Int? {
    if 0..<size ~= i { return i }
    switch padding {
    case .zeros: return nil
    case .border: return min(max(i, 0), size - 1)
    case .reflection:
      // Walk from mirror to mirror: at elements, or half an element outside of them.
      var i = i
      while !(0..<size ~= i) {
        if align { i = i < 0 ? -i : 2 * (size - 1) - i } else { i = i < 0 ? -1 - i : 2 * size - 1 - i }
      }
      return i
    }
  }

  private static let sampled: [(GridSample.Mode, GridSample.Padding, Bool, [Int])] =
    [GridSample.Mode.nearest, .linear].flatMap { mode in
      [GridSample.Padding.zeros, .border, .reflection].flatMap { padding in
        [true, false].flatMap { align in [[4, 5], [3], [2, 3, 4]].map { (mode, padding, align, $0) } }
      }
    }

  /// Coordinates of quarters of elements, so that results are exact; some lie outside.
  private static let samples: [OperatorCase] =
    sampled.map { (mode, padding, align, sizes) -> OperatorCase in
      let x = counting([2, 2] + sizes).map { ($0 * 7).truncatingRemainder(dividingBy: 11) }
      let axes = sizes.count
      let points = [Int](repeating: 3, count: axes)
      let grid = Grid([2] + points + [axes]) { (i: [Int]) -> Double in
        let size = sizes[axes - 1 - i[axes + 1]]
        let quarter = Double((i.reduce(0) { $0 * 5 + $1 * 3 }) % 9) - 2.25
        let at = padding == .zeros ? quarter : min(max(quarter, -0.75), Double(size) - 0.25)
        return align ? at * 2 / Double(size - 1) - 1 : (2 * at + 1) / Double(size) - 1
      }
      let y = Grid([2, 2] + points) { (i: [Int]) -> Double in
        let at = (0..<axes).map { (a: Int) -> Double in
          var p = place(Double(Float(grid.at([i[0]] + i[2...] + [axes - 1 - a]))), sizes[a], align)
          let (low, high) = align ? (0.0, Double(sizes[a] - 1)) : (-0.5, Double(sizes[a]) - 0.5)
          if mode == .nearest { p = p.rounded(.toNearestOrEven) }
          if padding == .border { p = min(max(p, 0), Double(sizes[a] - 1)) }
          if padding == .reflection { p = p < low ? 2 * low - p : p > high ? 2 * high - p : p }
          return p
        }
        var total = 0.0
        Grid.forEachIndex([Int](repeating: 2, count: axes)) { corner in
          var (weight, index): (Double, [Int]?) = (1, [i[0], i[1]])
          for a in 0..<axes {
            let low = at[a].rounded(.down)
            weight *= corner[a] == 0 ? 1 - (at[a] - low) : at[a] - low
            if let own = source(Int(low) + corner[a], sizes[a], padding, align) {
              index?.append(own)
            } else {
              index = nil
            }
          }
          if let index { total += weight * x.at(index) }
        }
        return total
      }
      return OperatorCase(
        "GridSample/\(mode)/\(padding)/\(align)/\(sizes)",
        GridSample(mode: mode, padding: padding, alignCorners: align), [x.value(), grid.value()],
        gives: [y.value()],
        tolerance)
    } + [
      // At elements the weights of the neighbours are 0; between two of a line they are −3, 19, 19 and −3 of 32.
      OperatorCase(
        "GridSample/cubic", GridSample(mode: .cubic, padding: .border, alignCorners: true),
        [Grid([1, 1, 5], [0, 1, 4, 9, 16]).value(), Grid([1, 2, 1], [0, 0.25]).value()],
        gives: [Grid([1, 1, 2], [4, (-3.0 * 1 + 19 * 4 + 19 * 9 - 3 * 16) / 32]).value()], tolerance),
      OperatorCase(
        "GridSample/not a number", GridSample(),
        [
          counting([1, 1, 2, 2]).map { $0 + 1 }.value(),
          Grid([1, 1, 2, 2], [.nan, 0, .infinity, -.infinity]).value(),
        ],
        gives: [Grid([1, 1, 1, 2], [0, 0]).value()]),
      OperatorCase(
        "GridSample/no elements", GridSample(padding: .border),
        [Grid([1, 1, 0, 2], []).value(), Grid([1, 1, 1, 2], [0, 0]).value()],
        gives: [Grid([1, 1, 1, 1], [0]).value()]),
      OperatorCase(
        "GridSample/int32", GridSample(mode: .nearest),
        [Grid([1, 1, 1, 2], [3, 4]).value(.int32), Grid([1, 1, 1, 2], [0.6, 0]).value()],
        gives: [Grid([1, 1, 1, 1], [4]).value(.int32)]),
    ]

  private static let affineGrids: [OperatorCase] = [[2, 1, 3, 4], [1, 2, 2, 3, 2], [1, 1, 0, 2]].flatMap {
    (sizes: [Int]) -> [OperatorCase] in
    let n = sizes.count - 2
    let theta = Grid([sizes[0], n, n + 1]) { Double($0.reduce(1) { $0 * 3 + $1 } % 7) - 3 }
    return [true, false].map { (align: Bool) -> OperatorCase in
      let y = Grid([sizes[0]] + sizes[2...] + [n]) { (i: [Int]) -> Double in
        var total = theta.at([i[0], i[n + 1], n])
        for column in 0..<n {
          let axis = n - 1 - column
          let (at, size) = (Double(i[axis + 1]), Double(sizes[axis + 2]))
          total +=
            theta.at([i[0], i[n + 1], column])
            * (align ? -1 + 2 * at / (size - 1) : (2 * at + 1 - size) / size)
        }
        return total
      }
      return OperatorCase(
        "AffineGrid/\(sizes)/\(align)", AffineGrid(alignCorners: align), [theta.value(), vector(sizes)],
        gives: [y.value()], tolerance)
    }
  }

  // MARK: - Regions

  private static let picture = Grid([1, 1, 4, 4]) { Double($0[2] * 4 + $0[3]) }

  private static let aligned: [OperatorCase] = [
    // Linear in both axes, so that every average is the value at the middle of its samples.
    OperatorCase(
      "RoiAlign/average", RoiAlign(height: 2, width: 2, samplingRatio: 2, halfPixel: false),
      [picture.value(), Grid([1, 4], [0, 0, 2, 2]).value(), vector([0])],
      gives: [Grid([1, 1, 2, 2], [2.5, 3.5, 6.5, 7.5]).value()], tolerance),
    OperatorCase(
      "RoiAlign/half pixel", RoiAlign(height: 1, width: 2, samplingRatio: 0, scale: 0.5),
      [picture.value(), Grid([1, 4], [2, 2, 6, 4]).value(), vector([0])],
      gives: [Grid([1, 1, 1, 2], [5, 6]).value()], tolerance),
    // One sample per cell, in the middle of four elements: a quarter of the greatest of them.
    OperatorCase(
      "RoiAlign/max", RoiAlign(mode: .max, height: 1, width: 1, samplingRatio: 1, halfPixel: false),
      [picture.value(), Grid([1, 4], [1, 1, 2, 2]).value(), vector([0])],
      gives: [Grid([1, 1, 1, 1], [10.0 / 4]).value()], tolerance),
    OperatorCase(
      "RoiAlign/outside", RoiAlign(samplingRatio: 1),
      [picture.value(), Grid([1, 4], [50, 50, 60, 60]).value(), vector([0])],
      gives: [Grid([1, 1, 1, 1], [0]).value()]),
    OperatorCase(
      "RoiAlign/none", RoiAlign(), [picture.value(), Grid([0, 4], []).value(), vector([])],
      gives: [Grid([0, 1, 1, 1], []).value()]),
    OperatorCase(
      "RoiAlign/bad image", RoiAlign(), [picture.value(), Grid([1, 4], [0, 0, 1, 1]).value(), vector([1])],
      gives: [Grid([1, 1, 1, 1], [0]).value()], fault: .indexOutOfRange(operand: 2)),
    OperatorCase(
      "RoiAlign/huge", RoiAlign(), [picture.value(), Grid([1, 4], [0, 0, 1e9, 1e9]).value(), vector([0])],
      gives: [Grid([1, 1, 1, 1], [0]).value()], fault: .budget),
    OperatorCase(
      "RoiAlign/not a number", RoiAlign(),
      [picture.value(), Grid([1, 4], [.nan, 0, 1, 1]).value(), vector([0])],
      gives: [Grid([1, 1, 1, 1], [0]).value()], fault: .notRepresentable),
  ]

  private static let pooledRegions: [OperatorCase] = [
    OperatorCase(
      "MaxRoiPool/two", MaxRoiPool(height: 2, width: 1, scale: 0.5),
      [picture.value(), Grid([2, 5], [0, 0, 0, 6, 6, 0, 2, 2, 4, 6]).value()],
      gives: [Grid([2, 1, 2, 1], [7, 15, 10, 14]).value()]),
    OperatorCase(
      "MaxRoiPool/outside", MaxRoiPool(height: 1, width: 1),
      [picture.value(), Grid([1, 5], [0, 9, 9, 9, 9]).value()],
      gives: [Grid([1, 1, 1, 1], [0]).value()]),
    OperatorCase(
      "MaxRoiPool/bad image", MaxRoiPool(height: 1, width: 1),
      [picture.value(), Grid([1, 5], [7, 0, 0, 1, 1]).value()],
      gives: [Grid([1, 1, 1, 1], [0]).value()], fault: .indexOutOfRange(operand: 1)),
  ]

  // MARK: - Deformed windows

  private static func deform(
    _ label: String, channels: Int, outputs: Int, groups: Int, offsetGroups: Int, strides: [Int], pads: [Int],
    bias: Bool, mask: Bool
  ) -> OperatorCase {
    let window = Window(kernel: [2, 2], strides: strides, padsBegin: pads, padsEnd: pads)
    let (h, w) = ((5 + 2 * pads[0] - 2) / strides[0] + 1, (4 + 2 * pads[1] - 2) / strides[1] + 1)
    func some(_ sizes: [Int], _ factor: Int, _ divisor: Double) -> Grid {
      Grid(sizes) { Double($0.reduce(factor) { $0 * factor + $1 * 5 } % 13 - 6) / divisor }
    }
    let x = some([2, channels, 5, 4], 3, 1)
    let weights = some([outputs, channels / groups, 2, 2], 7, 1)
    let offsets = some([2, offsetGroups * 8, h, w], 11, 4)
    let masks = some([2, offsetGroups * 4, h, w], 5, 2)
    let biases = some([outputs], 2, 1)
    let y = Grid([2, outputs, h, w]) { (i: [Int]) -> Double in
      var total = bias ? biases.at([i[1]]) : 0
      for c in 0..<channels / groups {
        let channel = i[1] / (outputs / groups) * (channels / groups) + c
        let group = channel / (channels / offsetGroups)
        for tap in 0..<4 {
          let at = (0..<2).map { (axis: Int) -> Double in
            let start = i[2 + axis] * strides[axis] - pads[axis] + (axis == 0 ? tap / 2 : tap % 2)
            return Double(start) + offsets.at([i[0], group * 8 + tap * 2 + axis, i[2], i[3]])
          }
          var sample = 0.0
          for corner in 0..<4 {
            let (dy, dx) = (corner / 2, corner % 2)
            let (fy, fx) = (at[0].rounded(.down), at[1].rounded(.down))
            let weight = (dy == 0 ? 1 - (at[0] - fy) : at[0] - fy) * (dx == 0 ? 1 - (at[1] - fx) : at[1] - fx)
            sample += weight * x.at([i[0], channel, Int(fy) + dy, Int(fx) + dx])
          }
          let factor = mask ? masks.at([i[0], group * 4 + tap, i[2], i[3]]) : 1
          total += weights.at([i[1], c, tap / 2, tap % 2]) * sample * factor
        }
      }
      return total
    }
    return OperatorCase(
      "DeformConv/\(label)", DeformConv(window: window, groups: groups, offsetGroups: offsetGroups),
      [x.value(), weights.value(), offsets.value(), bias ? biases.value() : nil, mask ? masks.value() : nil],
      gives: [y.value()], tolerance)
  }

  private static let deformed: [OperatorCase] = [
    deform(
      "plain", channels: 1, outputs: 1, groups: 1, offsetGroups: 1, strides: [1, 1], pads: [0, 0],
      bias: false, mask: false),
    deform(
      "padded", channels: 2, outputs: 3, groups: 1, offsetGroups: 1, strides: [2, 1], pads: [1, 1],
      bias: true, mask: false),
    deform(
      "groups", channels: 4, outputs: 2, groups: 2, offsetGroups: 2, strides: [1, 2], pads: [1, 0],
      bias: true, mask: true),
    OperatorCase(
      "DeformConv/far", DeformConv(window: Window(kernel: [1])),
      [
        counting([1, 1, 3]).value(), Grid([1, 1, 1], [1]).value(),
        Grid([1, 1, 3], [.nan, 1e30, -.infinity]).value(),
      ],
      gives: [Grid([1, 1, 3], [0, 0, 0]).value()]),
  ]

  // MARK: - Suppression

  private static let corners = Grid(
    [1, 6, 4],
    [
      0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, -0.1, 1, 0.9, 0, 10, 1, 11, 0, 10.1, 1, 11.1, 1, 101, 0, 100,
    ])
  private static let scores = Grid([1, 1, 6], [0.9, 0.75, 0.6, 0.95, 0.5, 0.3])

  private static func suppress(
    _ label: String, _ boxes: Grid = corners, _ scores: Grid = scores, most: Int? = 3, overlap: Double? = 0.5,
    lowest: Double? = nil, centered: Bool = false, gives selected: [[Int]]
  ) -> OperatorCase {
    OperatorCase(
      "NonMaxSuppression/\(label)", NonMaxSuppression(centerPointBox: centered),
      [
        boxes.value(), scores.value(), most.map { vector([$0]) }, overlap.map { Grid([1], [$0]).value() },
        lowest.map { Grid([1], [$0]).value() },
      ], gives: [Grid([selected.count, 3], selected.joined().map { Double($0) }).value(.int64)])
  }

  private static let suppressed: [OperatorCase] = [
    suppress("overlap", gives: [[0, 0, 3], [0, 0, 0], [0, 0, 5]]),
    suppress("score", lowest: 0.4, gives: [[0, 0, 3], [0, 0, 0]]),
    suppress("most", most: 1, gives: [[0, 0, 3]]), suppress("none", most: nil, gives: []),
    suppress("all touching", most: 9, overlap: nil, gives: [[0, 0, 3], [0, 0, 0], [0, 0, 5]]),
    suppress(
      "classes", corners, Grid([1, 2, 6], scores.values + [0, 0.1, 0.2, 0.3, 0.4, 0.5]), most: 2,
      gives: [[0, 0, 3], [0, 0, 0], [0, 1, 5], [0, 1, 4]]),
    suppress(
      "centered", Grid([1, 3, 4], [0.5, 0.5, 1, 1, 0.6, 0.5, 1, 1, 5, 5, 1, 1]),
      Grid([1, 1, 3], [0.5, 0.9, 0.1]),
      centered: true, gives: [[0, 0, 1], [0, 0, 2]]),
    suppress("empty", Grid([1, 0, 4], []), Grid([1, 2, 0], []), gives: []),
  ]
}
