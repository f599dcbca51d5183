/// A tensor that cannot be made or read as asked.
public enum TensorError: Error, Hashable, Sendable {
  case sizeOverflow
  case negativeSize(Int)
  case rank(Int)
  case outOfMemory(byteCount: Int)
  /// More than a run or a compilation may take.
  case budget(String)
  case elementCount(expected: Int, found: Int)
  case byteCount(expected: Int, found: Int)
  case dataType(expected: String, found: DataType)
  case unsupportedFormat(String)
  case file(String)
}

extension TensorError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .sizeOverflow: "the number of elements or bytes does not fit"
    case .negativeSize(let size): "a size is negative: \(size)"
    case .rank(let rank): "rank \(rank) is more than \(Tensor.rankLimit)"
    case .outOfMemory(let count): "no memory for \(count) bytes"
    case .budget(let what): what
    case .elementCount(let expected, let found): "expected \(expected) elements, found \(found)"
    case .byteCount(let expected, let found): "expected \(expected) bytes, found \(found)"
    case .dataType(let expected, let found): "expected elements of type \(expected), found \(found.rawValue)"
    case .unsupportedFormat(let what): what
    case .file(let what): what
    }
  }
}
