/// All that kernels and planners know of a value, after binding.
public struct Placement: Hashable, Codable, Sendable {
  public var dataType: DataType
  public var sizes: [Int]
  public var format: Format
  /// Elements between neighbours along each logical axis; nil: dense.
  public var strides: [Int]?

  public init(dataType: DataType, sizes: [Int], format: Format? = nil, strides: [Int]? = nil) {
    self.dataType = dataType
    self.sizes = sizes
    self.format = format ?? .rowMajor(dataType)
    self.strides = strides
  }

  /// The product of the sizes; `Int.max` when it does not fit.
  public var elementCount: Int {
    if isEmpty { return 0 }
    var count = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow { return .max }
      count = product
    }
    return count
  }
  /// `Int.max` when it does not fit; 0 for strings.
  public var byteCount: Int {
    format.storage.byteCount(of: elementCount) ?? (format.storage == .string ? 0 : .max)
  }
  public var rank: Int { sizes.count }
  public var isEmpty: Bool { sizes.contains(0) }

  /// Strides in elements, given or dense; nil for blocked layouts.
  public var elementStrides: [Int]? { strides ?? format.layout.strides(of: sizes) }

  public func with(_ format: Format) -> Placement {
    Placement(dataType: dataType, sizes: sizes, format: format)
  }

  /// True when both formats put every byte in the same place (axes of size 1 do not count): such a Reorder
  /// costs nothing.
  public func sameBytes(as other: Format) -> Bool {
    if format == other { return true }
    guard format.storage == other.storage, strides == nil,
      let mine = format.layout.order(rank: rank), let theirs = other.layout.order(rank: rank)
    else { return false }
    return isEmpty || mine.filter { sizes[$0] != 1 } == theirs.filter { sizes[$0] != 1 }
  }
}
