import Glibc
import IR
import Kernels
import Operators
import Tensors

extension Cast: NaiveOperator {
  static let naiveName = "cast"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    if x.dataType == to {
      call.set(0, .tensor(x))
    } else if to == .string {
      try call.checkList(itemCount: x.elementCount)
      let texts = try describe(x)
      try call.setStrings(0, x.sizes, texts)
    } else {
      let y = try call.result(0, to, x.sizes)
      try cast(x, into: y, saturates: saturate)
    }
  }
}

func cast(_ x: Tensor, to dataType: DataType) throws(KernelFault) -> Tensor {
  if x.dataType == dataType { return x }
  let y = try Tensor.allocate(dataType, x.sizes)
  try cast(x, into: y)
  return y
}

/// Converts every element as ONNX `Cast` does. `saturates` counts for the float8 types.
func cast(_ x: Tensor, into y: Tensor, saturates: Bool = true) throws(KernelFault) {
  if x.dataType == .string {
    try parse(x.strings, into: y, saturates: saturates)
  } else if x.dataType.isPlainNumber && y.dataType.isPlainNumber {
    try visit(x.dataType, CastFrom(x: x, y: y))
  } else {
    guard let from = ElementCodec(x.dataType), let to = ElementCodec(y.dataType) else {
      throw .notRepresentable
    }
    let (source, target) = (x.bytes.base, y.base)
    if y.dataType.isSubByte, y.byteCount > 0 {
      target.initializeMemory(as: UInt8.self, repeating: 0, count: y.byteCount)
    }
    if x.dataType.isFloatingPoint {
      for i in 0..<x.elementCount {
        to.store(from.double(at: i, in: source), at: i, in: target, saturates: saturates)
      }
    } else {
      for i in 0..<x.elementCount {
        to.store(from.int64(at: i, in: source), at: i, in: target, saturates: saturates)
      }
    }
  }
}

extension DataType {
  /// Has a Swift type of its own.
  var isPlainNumber: Bool {
    switch self {
    case .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
    default: false
    }
  }

  var isSubByte: Bool { bitWidth.map { $0 < 8 } ?? false }

  /// Computed in float32, with its results rounded.
  var isNarrowFloat: Bool { isFloatingPoint && self != .float32 && self != .float64 }
}

private struct CastFrom: NumberVisitor {
  let x, y: Tensor
  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) {
    try visit(y.dataType, CastTo<T>(x: x.pointer(T.self), y: y.base, count: x.elementCount))
  }
  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) {
    try visit(y.dataType, CastIntegerTo<T>(x: x.pointer(T.self), y: y.base, count: x.elementCount))
  }
}

private struct CastTo<S: FloatNumber>: NumberVisitor {
  let x: UnsafePointer<S>
  let y: UnsafeMutableRawPointer
  let count: Int
  func visitFloat<T: FloatNumber>(_: T.Type) {
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count { y[i] = T(real: x[i].real) }
  }
  func visitInteger<T: IntegerNumber>(_: T.Type) {
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count { y[i] = T(real: x[i].real) }
  }
}

private struct CastIntegerTo<S: IntegerNumber>: NumberVisitor {
  let x: UnsafePointer<S>
  let y: UnsafeMutableRawPointer
  let count: Int
  func visitFloat<T: FloatNumber>(_: T.Type) {
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count { y[i] = T(x[i]) }
  }
  func visitInteger<T: IntegerNumber>(_: T.Type) {
    let y = y.assumingMemoryBound(to: T.self)
    for i in 0..<count { y[i] = T(truncatingIfNeeded: x[i]) }
  }
}

// MARK: - Strings

/// The shortest text that reads back to the same element.
private func describe(_ x: Tensor) throws(KernelFault) -> [[UInt8]] {
  guard let codec = ElementCodec(x.dataType) else { throw .notRepresentable }
  let base = x.bytes.base
  return (0..<x.elementCount).map { i in
    let text: String
    if x.dataType == .uint64 {
      text = "\(base.load(fromByteOffset: i * 8, as: UInt64.self))"
    } else if x.dataType == .bool {
      text = codec.int64(at: i, in: base) != 0 ? "True" : "False"
    } else if !x.dataType.isFloatingPoint {
      text = "\(codec.int64(at: i, in: base))"
    } else if x.dataType == .float64 {
      text = "\(codec.double(at: i, in: base))"
    } else {
      text = "\(Float(codec.double(at: i, in: base)))"
    }
    return Array(text.utf8)
  }
}

private func parse(_ strings: [[UInt8]], into y: Tensor, saturates: Bool) throws(KernelFault) {
  guard let codec = ElementCodec(y.dataType) else { throw .notRepresentable }
  for (i, bytes) in strings.enumerated() {
    let text = String(decoding: bytes, as: UTF8.self)
    if !y.dataType.isFloatingPoint, let integer = Int64(text) {
      codec.store(integer, at: i, in: y.base)
    } else if let real = Double(text) {
      codec.store(real, at: i, in: y.base, saturates: saturates)
    } else {
      throw .notRepresentable
    }
  }
}
