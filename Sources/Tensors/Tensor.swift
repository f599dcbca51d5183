/// A dense tensor: element type, sizes, the order of its bytes, and storage that it may share.
///
/// ```swift
/// let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], sizes: [2, 3])
/// try x.elements(of: Float.self)   // [1, 2, 3, 4, 5, 6]
/// ```
public struct Tensor: Sendable {
  public let dataType: DataType
  public let sizes: [Int]
  public let format: Format
  public let storage: TensorStorage
  public let byteOffset: Int

  /// A view of `storage`. Throws when the sizes do not fit or reach beyond the storage, and for a format that stores
  /// elements as another type.
  public init(
    dataType: DataType, sizes: [Int], format: Format? = nil, storage: TensorStorage, byteOffset: Int = 0
  )
    throws(TensorError)
  {
    if let format, format.storage != dataType {
      throw .unsupportedFormat("elements of \(dataType.rawValue) stored as \(format.storage.rawValue)")
    }
    try self.init(
      storing: dataType, sizes: sizes, format: format ?? .rowMajor(dataType), storage: storage,
      byteOffset: byteOffset)
  }

  /// The same for elements that may be stored as another type.
  init(
    storing dataType: DataType, sizes: [Int], format: Format, storage: TensorStorage, byteOffset: Int
  )
    throws(TensorError)
  {
    let count = try Tensor.elementCount(of: sizes)
    if dataType == .string {
      guard case .strings(let elements) = storage.owner else {
        throw .unsupportedFormat("a tensor of strings needs strings")
      }
      if elements.count != count { throw .elementCount(expected: count, found: elements.count) }
    } else {
      guard let needed = format.storage.byteCount(of: count) else { throw .sizeOverflow }
      guard byteOffset >= 0, byteOffset <= storage.bytes.count, storage.bytes.count - byteOffset >= needed
      else {
        throw .byteCount(expected: needed, found: storage.bytes.count - byteOffset)
      }
    }
    self.dataType = dataType
    self.sizes = sizes
    self.format = format
    self.storage = storage
    self.byteOffset = byteOffset
  }

  /// A new tensor of uninitialized bytes.
  public init(uninitialized dataType: DataType, sizes: [Int], format: Format? = nil) throws(TensorError) {
    let count = try Tensor.elementCount(of: sizes)
    let format = format ?? .rowMajor(dataType)
    guard let byteCount = format.storage.byteCount(of: count) else { throw .sizeOverflow }
    try self.init(
      storing: dataType, sizes: sizes, format: format, storage: .allocate(byteCount: byteCount), byteOffset: 0
    )
  }

  public init(strings: [[UInt8]], sizes: [Int]) throws(TensorError) {
    try self.init(dataType: .string, sizes: sizes, storage: .strings(strings))
  }

  /// More axes are refused: no model has them, and layouts name axes with a byte.
  public static let rankLimit = 64

  /// The product of `sizes`, checked.
  public static func elementCount(of sizes: [Int]) throws(TensorError) -> Int {
    if sizes.count > rankLimit { throw .rank(sizes.count) }
    var count = 1
    var isEmpty = false
    for size in sizes {
      if size < 0 { throw .negativeSize(size) }
      if size == 0 { isEmpty = true }
      let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
      if overflow { throw .sizeOverflow }
      count = product
    }
    return isEmpty ? 0 : count
  }

  public var elementCount: Int { sizes.reduce(1, *) }
  public var byteCount: Int { format.storage.byteCount(of: elementCount) ?? 0 }
  public var rank: Int { sizes.count }
  public var type: TensorType { TensorType(dataType, sizes: sizes) }
  public var placement: Placement { Placement(dataType: dataType, sizes: sizes, format: format) }
  /// Valid while somebody holds the storage. Of a tensor that nobody else holds, use `withBytes(_:)`: the
  /// optimizer may release it right after this.
  public var bytes: Bytes { Bytes(base: storage.bytes.base + byteOffset, count: byteCount) }

  /// Calls `body` with the bytes and holds the storage meanwhile.
  @discardableResult
  public func withBytes<R, E: Error>(_ body: (Bytes) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(bytes)
  }

  /// The memory to write to, of a tensor that nobody else holds yet; nil for mapped files and strings.
  package var mutableBytes: MutableBytes? {
    storage.mutableBytes.map { MutableBytes(base: $0.base + byteOffset, count: byteCount) }
  }

  /// The same bytes under other sizes. Throws when the number of elements differs or the layout is not
  /// row-major.
  public func reshaped(to sizes: [Int]) throws(TensorError) -> Tensor {
    let count = try Tensor.elementCount(of: sizes)
    if count != elementCount { throw .elementCount(expected: elementCount, found: count) }
    if format.layout != .rowMajor { throw .unsupportedFormat("only row-major bytes can be reshaped") }
    return try Tensor(
      storing: dataType, sizes: sizes, format: format, storage: storage, byteOffset: byteOffset)
  }

  /// The strings of a tensor of strings, as bytes; empty for other types.
  public var strings: [[UInt8]] {
    if case .strings(let elements) = storage.owner { return elements }
    return []
  }
}

// MARK: - Typed elements

/// A Swift type that tensors hold as it is.
public protocol TensorElement: BitwiseCopyable, Sendable {
  static var dataType: DataType { get }
}

extension Float: TensorElement { public static var dataType: DataType { .float32 } }
extension Double: TensorElement { public static var dataType: DataType { .float64 } }
extension Int64: TensorElement { public static var dataType: DataType { .int64 } }
extension Int32: TensorElement { public static var dataType: DataType { .int32 } }
extension Int16: TensorElement { public static var dataType: DataType { .int16 } }
extension Int8: TensorElement { public static var dataType: DataType { .int8 } }
extension UInt64: TensorElement { public static var dataType: DataType { .uint64 } }
extension UInt32: TensorElement { public static var dataType: DataType { .uint32 } }
extension UInt16: TensorElement { public static var dataType: DataType { .uint16 } }
extension UInt8: TensorElement { public static var dataType: DataType { .uint8 } }
extension Bool: TensorElement { public static var dataType: DataType { .bool } }

extension Tensor {
  /// A row-major tensor of the given elements, copied. Throws when their number is not the product of
  /// `sizes`.
  public init<T: TensorElement>(_ elements: [T], sizes: [Int]) throws(TensorError) {
    let count = try Tensor.elementCount(of: sizes)
    if count != elements.count { throw .elementCount(expected: count, found: elements.count) }
    try self.init(uninitialized: T.dataType, sizes: sizes)
    elements.withUnsafeBytes { source in
      if let base = source.baseAddress {
        UnsafeMutableRawPointer(mutating: bytes.base).copyMemory(from: base, byteCount: source.count)
      }
    }
  }

  /// A scalar.
  public init<T: TensorElement>(scalar: T) throws(TensorError) { try self.init([scalar], sizes: []) }

  /// The elements in row-major order of the logical shape, copied. Throws when `type` is not the tensor's
  /// type.
  public func elements<T: TensorElement>(of type: T.Type) throws(TensorError) -> [T] {
    if T.dataType != dataType { throw .dataType(expected: T.dataType.rawValue, found: dataType) }
    let dense = try reordered(to: .rowMajor(dataType))
    // Any byte but 0 means true, while a Swift Bool is 0 or 1.
    if let flags = try dense.flags() as? [T] { return flags }
    return [T](unsafeUninitializedCapacity: elementCount) { target, count in
      count = dense.elementCount
      if count > 0, let base = target.baseAddress {
        dense.withBytes { UnsafeMutableRawPointer(base).copyMemory(from: $0.base, byteCount: $0.count) }
      }
    }
  }

  private func flags() throws(TensorError) -> [Bool]? {
    dataType == .bool ? try int64s().map { $0 != 0 } : nil
  }
}
