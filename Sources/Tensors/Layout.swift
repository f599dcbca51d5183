/// The order of the bytes of a logical shape.
public enum Layout: Hashable, Codable, Sendable {
  case rowMajor
  /// Logical axes from the outermost in memory to the innermost; never the identity, which is `rowMajor`.
  case permuted([UInt8])
  /// `axis` is split into blocks of `size`, the position within a block innermost.
  case blocked(axis: UInt8, size: UInt8)

  /// nhwc for images of any rank from 3: batch, spatial axes, channels.
  public static func channelsLast(rank: Int) -> Layout {
    rank < 3 || rank > Int(UInt8.max) ? .rowMajor : .permuted([0] + (2..<UInt8(rank)) + [1])
  }

  /// The layout whose memory order is `axes`; `rowMajor` when they are in order.
  public static func order(_ axes: [Int]) -> Layout {
    axes == Array(axes.indices) ? .rowMajor : .permuted(axes.map { UInt8($0) })
  }

  /// Logical axes from outermost to innermost; nil for blocked layouts and for axes that are not those of the
  /// rank.
  public func order(rank: Int) -> [Int]? {
    switch self {
    case .rowMajor: return Array(0..<rank)
    case .permuted(let axes):
      guard axes.count == rank else { return nil }
      var seen = [Bool](repeating: false, count: rank)
      for axis in axes {
        guard axis < rank, !seen[Int(axis)] else { return nil }
        seen[Int(axis)] = true
      }
      return axes.map { Int($0) }
    case .blocked: return nil
    }
  }

  /// Elements between neighbours along each logical axis of a dense tensor; nil for blocked layouts, and when
  /// they do not fit.
  public func strides(of sizes: [Int]) -> [Int]? {
    guard let order = order(rank: sizes.count) else { return nil }
    var strides = [Int](repeating: 1, count: sizes.count)
    var step = 1
    for axis in order.reversed() {
      strides[axis] = step
      let (product, overflow) = step.multipliedReportingOverflow(by: max(sizes[axis], 1))
      if overflow { return nil }
      step = product
    }
    return strides
  }
}

extension Layout: CustomStringConvertible {
  public var description: String {
    switch self {
    case .rowMajor: "rowMajor"
    case .permuted(let axes):
      self == .channelsLast(rank: axes.count)
        ? "channelsLast" : "permuted(\(axes.map { "\($0)" }.joined(separator: ",")))"
    case .blocked(let axis, let size): "blocked(\(axis),\(size))"
    }
  }
}

/// How a value is stored; its logical type never changes. channelsLast is a format, and so is bf16 storage of
/// f32.
public struct Format: Hashable, Codable, Sendable {
  public var storage: DataType
  public var layout: Layout

  public init(storage: DataType, layout: Layout = .rowMajor) {
    self.storage = storage
    self.layout = layout
  }

  public static func rowMajor(_ storage: DataType) -> Format { Format(storage: storage) }
  public static func channelsLast(_ storage: DataType, rank: Int) -> Format {
    Format(storage: storage, layout: .channelsLast(rank: rank))
  }
}

extension Format: CustomStringConvertible {
  public var description: String { "\(storage.rawValue):\(layout)" }
}
