/// What is known of a tensor before its sizes are bound. `shape` nil: the rank is unknown.
public struct TensorType: Hashable, Sendable {
  public var dataType: DataType
  public var shape: [Dimension]?

  public init(_ dataType: DataType, _ shape: [Dimension]?) {
    self.dataType = dataType
    self.shape = shape
  }

  public init(_ dataType: DataType, sizes: [Int]) { self.init(dataType, sizes.map { Dimension($0) }) }

  /// The sizes, when all are numbers.
  public var sizes: [Int]? {
    guard let shape else { return nil }
    var sizes: [Int] = []
    sizes.reserveCapacity(shape.count)
    for dimension in shape {
      guard let size = dimension.fixed else { return nil }
      sizes.append(size)
    }
    return sizes
  }
}

extension TensorType: CustomStringConvertible {
  /// `float32[N,3,224,224]`, or `float32[?]` when the rank is unknown.
  public var description: String {
    dataType.rawValue + "[" + (shape.map { $0.map(\.text).joined(separator: ",") } ?? "?") + "]"
  }
}

/// The static type of a value.
public indirect enum ValueType: Hashable, Sendable {
  case tensor(TensorType)
  case sequence(ValueType)
  case optional(ValueType)
  case unknown

  public var tensor: TensorType? {
    if case .tensor(let type) = self { return type }
    return nil
  }

  public static func tensor(_ dataType: DataType, _ shape: [Dimension]?) -> ValueType {
    .tensor(TensorType(dataType, shape))
  }
}

extension ValueType: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tensor(let type): type.description
    case .sequence(let element): "sequence(\(element))"
    case .optional(let element): "optional(\(element))"
    case .unknown: "?"
    }
  }
}
