import Tensors

/// How a kernel counts the elements of its result: images of rows of columns, the columns innermost in
/// memory.
struct RowSpace: Sendable {
  let sizes: [Int]
  let layout: Layout
  private let order: [Int]
  private let imageAxes: [Int]
  private let rowAxes: [Int]
  private let columnAxes: [Int]

  private init(sizes: [Int], layout: Layout, images: [Int], rows: [Int], columns: [Int]) {
    self.sizes = sizes
    self.layout = layout
    order = images + rows + columns
    imageAxes = images
    rowAxes = rows
    columnAxes = columns
  }

  /// Images of pixels of channels.
  static func channelsLast(_ sizes: [Int]) -> RowSpace {
    RowSpace(
      sizes: sizes, layout: .channelsLast(rank: sizes.count), images: [0], rows: Array(2..<sizes.count),
      columns: [1])
  }

  /// A stack of matrices, row-major.
  static func matrices(_ sizes: [Int]) -> RowSpace {
    let rank = sizes.count
    return RowSpace(
      sizes: sizes, layout: .rowMajor, images: Array(0..<max(rank - 2, 0)), rows: rank >= 2 ? [rank - 2] : [],
      columns: rank >= 1 ? [rank - 1] : [])
  }

  /// Images of channels of pixels, row-major. Precondition: rank 3 or more.
  static func planes(_ sizes: [Int]) -> RowSpace {
    RowSpace(sizes: sizes, layout: .rowMajor, images: [0], rows: [1], columns: Array(2..<sizes.count))
  }

  /// Everything before the innermost axis of `layout` as rows. Precondition: the layout has an order.
  static func rows(_ sizes: [Int], layout: Layout) -> RowSpace {
    let order = layout.order(rank: sizes.count) ?? Array(sizes.indices)
    return RowSpace(
      sizes: sizes, layout: layout, images: [], rows: Array(order.dropLast()), columns: Array(order.suffix(1))
    )
  }

  var images: Int { imageAxes.reduce(1) { $0 * sizes[$1] } }
  var rowsPerImage: Int { rowAxes.reduce(1) { $0 * sizes[$1] } }
  var columns: Int { columnAxes.reduce(1) { $0 * sizes[$1] } }

  /// How an operand that broadcasts to the result is read, and the layout it must have; nil: by no constant
  /// strides.
  func access(to operand: [Int]) -> OperandAccess? {
    guard let (layout, strides) = broadcastLayout(of: operand, in: sizes, order: order, as: self.layout)
    else { return nil }
    func stride(along axes: [Int]) -> Int? {
      var known: Int?
      var next = 0
      for axis in axes.reversed() where sizes[axis] > 1 {
        if let known, strides[axis] != (known == 0 ? 0 : next) { return nil }
        if known == nil { known = strides[axis] }
        next = strides[axis] * sizes[axis]
      }
      return known ?? 0
    }
    guard let column = stride(along: columnAxes), column <= 1, let row = stride(along: rowAxes),
      let image = stride(along: imageAxes)
    else { return nil }
    if rowsPerImage == 1 {
      return OperandAccess(
        layout: layout, columnStride: column, rowStride: image, imageStride: 0, perImage: false)
    }
    return OperandAccess(
      layout: layout, columnStride: column, rowStride: row, imageStride: image,
      perImage: images > 1 && image != rowsPerImage * row)
  }
}

/// Strides by which an operand is read, and the layout that has them.
struct OperandAccess: Sendable {
  var layout: Layout
  var columnStride: Int
  var rowStride: Int
  var imageStride: Int
  /// Rows count within their image.
  var perImage: Bool
}

/// The layout in which an operand that broadcasts to `sizes` is read in the memory order `order`, and its
/// strides along the axes of the result (0 where it repeats). nil: it does not broadcast, or would need a
/// layout of another rank.
func broadcastLayout(of operand: [Int], in sizes: [Int], order: [Int], as layout: Layout) -> (Layout, [Int])?
{
  let lead = sizes.count - operand.count
  guard lead >= 0 else { return nil }
  for (i, size) in operand.enumerated() where size != 1 && size != sizes[lead + i] { return nil }
  let moving = order.filter { $0 >= lead && operand[$0 - lead] != 1 }
  let own: Layout
  if moving == moving.sorted() {
    own = .rowMajor
  } else if lead == 0 {
    own = layout
  } else {
    return nil
  }
  guard let dense = own.strides(of: operand) else { return nil }
  return (own, sizes.indices.map { $0 < lead || operand[$0 - lead] == 1 ? 0 : dense[$0 - lead] })
}

/// `Range` without the operator of that name.
typealias Interval = Range<Int>

/// Part `i` of `parts` of `0..<count`, in multiples of `step`.
@inline(__always)
func part(_ i: Int, of parts: Int, in count: Int, step: Int = 1) -> Range<Int> {
  let units = (count + step - 1) / step
  let start = units * i / parts * step
  let end = units * (i + 1) / parts * step
  return min(start, count)..<min(end, count)
}
