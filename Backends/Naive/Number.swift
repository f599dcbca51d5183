import Kernels
import Tensors

// Accuracy: sums of floating-point elements (convolution, products of matrices, reductions, normalization, softmax)
// and functions from the mathematics library are computed in `Double`, and a result is rounded once to its type.
// Integers compute in their own type and wrap. float16, bfloat16 and float8 are widened to float32 and their results
// rounded to the narrow type.

/// An element type that is computed with.
protocol Number: TensorElement, Comparable {
  /// What sums are kept in.
  associatedtype Sum: BitwiseCopyable
  static var zeroSum: Sum { get }
  static var lowest: Self { get }
  static var highest: Self { get }
  static var zero: Self { get }
  init(sum: Sum)
  /// From a number in `Double`, as ONNX `Cast` does: integers are truncated towards zero and keep their low bits, and
  /// NaN gives 0.
  init(real: Double)
  /// From a number in `Double`, the nearest that the type holds.
  init(clamping real: Double)
  /// From an integer, which wraps.
  init(wrapping: Int64)
  var real: Double { get }
  var sum: Sum { get }
  static func real(of sum: Sum) -> Double
  var isNotANumber: Bool { get }
  static func add(_ a: Sum, _ b: Sum) -> Sum
  static func multiply(_ a: Sum, _ b: Sum) -> Sum
}

protocol FloatNumber: Number, BinaryFloatingPoint where Sum == Double {}

extension FloatNumber {
  @inline(__always) static var zeroSum: Double { 0 }
  @inline(__always) static var lowest: Self { -.infinity }
  @inline(__always) static var highest: Self { .infinity }
  @inline(__always) init(sum: Double) { self.init(real: sum) }
  @inline(__always) init(clamping real: Double) { self.init(real: real) }
  @inline(__always) init(wrapping value: Int64) { self.init(value) }
  @inline(__always) var sum: Double { real }
  @inline(__always) static func real(of sum: Double) -> Double { sum }
  @inline(__always) var isNotANumber: Bool { isNaN }
  @inline(__always) static func add(_ a: Double, _ b: Double) -> Double { a + b }
  @inline(__always) static func multiply(_ a: Double, _ b: Double) -> Double { a * b }
}

extension Float: FloatNumber {
  @inline(__always) init(real: Double) { self.init(real) }
  @inline(__always) var real: Double { Double(self) }
}

extension Double: FloatNumber {
  @inline(__always) init(real: Double) { self = real }
  @inline(__always) var real: Double { self }
}

protocol IntegerNumber: Number, FixedWidthInteger where Sum == Self {}

extension IntegerNumber {
  @inline(__always) static var zeroSum: Self { 0 }
  @inline(__always) static var lowest: Self { .min }
  @inline(__always) static var highest: Self { .max }
  @inline(__always) init(sum: Self) { self = sum }
  @inline(__always) init(real: Double) {
    if Self.self == UInt64.self, real >= 0x1p63 {
      self.init(clamping: real < 0x1p64 ? UInt64(real) : .max)
    } else if real.isNaN {
      self = 0
    } else {
      self.init(truncatingIfNeeded: real >= 0x1p63 ? .max : real < -0x1p63 ? Int64.min : Int64(real))
    }
  }
  @inline(__always) init(clamping real: Double) {
    // `Double(Self.max)` may round up to a value that does not fit, so the upper bound is exclusive.
    if real.isNaN {
      self = 0
    } else if real >= Double(Self.max) {
      self = .max
    } else if real <= Double(Self.min) {
      self = .min
    } else {
      self = Self(real)
    }
  }
  @inline(__always) init(wrapping value: Int64) { self.init(truncatingIfNeeded: value) }
  @inline(__always) var real: Double { Double(self) }
  @inline(__always) var sum: Self { self }
  @inline(__always) static func real(of sum: Self) -> Double { Double(sum) }
  @inline(__always) var isNotANumber: Bool { false }
  @inline(__always) static func add(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self { a &* b }
}

extension Int8: IntegerNumber {}
extension Int16: IntegerNumber {}
extension Int32: IntegerNumber {}
extension Int64: IntegerNumber {}
extension UInt8: IntegerNumber {}
extension UInt16: IntegerNumber {}
extension UInt32: IntegerNumber {}
extension UInt64: IntegerNumber {}

/// A computation written once for all types of numbers. The switch below names each type, so that every loop is
/// compiled for its own.
protocol NumberVisitor {
  associatedtype Output
  func visitFloat<T: FloatNumber>(_: T.Type) throws(KernelFault) -> Output
  func visitInteger<T: IntegerNumber>(_: T.Type) throws(KernelFault) -> Output
}

func visit<V: NumberVisitor>(_ dataType: DataType, _ visitor: V) throws(KernelFault) -> V.Output {
  switch dataType {
  case .float32: try visitor.visitFloat(Float.self)
  case .float64: try visitor.visitFloat(Double.self)
  case .int8: try visitor.visitInteger(Int8.self)
  case .int16: try visitor.visitInteger(Int16.self)
  case .int32: try visitor.visitInteger(Int32.self)
  case .int64: try visitor.visitInteger(Int64.self)
  case .uint8, .bool: try visitor.visitInteger(UInt8.self)
  case .uint16: try visitor.visitInteger(UInt16.self)
  case .uint32: try visitor.visitInteger(UInt32.self)
  case .uint64: try visitor.visitInteger(UInt64.self)
  default: throw .notRepresentable
  }
}
