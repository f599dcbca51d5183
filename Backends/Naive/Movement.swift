import Kernels
import Tensors

// Operators that only move elements are written once, over elements of a whole number of bytes. Packed elements are
// unpacked to bytes first; strings are moved by their positions.

/// Calls `body` with the operands, the result to write and the bytes of one element, in a form whose elements can be
/// moved. Of a result without elements nothing is moved: offsets need not fit.
func move(
  _ operands: [Tensor], output: Int = 0, _ dataType: DataType, _ sizes: [Int], in call: inout Evaluation,
  _ body: ([Tensor], Tensor, Int) throws(KernelFault) -> Void
) throws(KernelFault) {
  let count = try faulting { () throws(TensorError) in try Tensor.elementCount(of: sizes) }
  if dataType == .string {
    try call.checkList(itemCount: count)
    let positions = try positionsOfStrings(operands)
    let moved = try Tensor.allocate(.int64, sizes)
    if count > 0 { try body(positions, moved, 8) }
    let all = operands.flatMap(\.strings)
    let strings = try faulting { () throws(TensorError) in try moved.elements(of: Int64.self) }.map {
      all[Int($0)]
    }
    try call.checkStrings(strings)
    let result = try faulting { () throws(TensorError) in try Tensor(strings: strings, sizes: sizes) }
    call.set(output, .tensor(result))
    return
  }
  guard let bits = dataType.bitWidth else { throw .notRepresentable }
  let result = try call.result(output, dataType, sizes)
  if count == 0 { return }
  if bits >= 8 {
    try body(operands, result, bits / 8)
    return
  }
  try call.checkCount(count, of: .uint8)
  var unpacked: [Tensor] = []
  for operand in operands { unpacked.append(try operand.unpacked(bits)) }
  let moved = try Tensor.allocate(.uint8, sizes)
  try body(unpacked, moved, 1)
  moved.pack(into: result, bits)
}

/// Stands for a string by its position among the strings of all operands.
private func positionsOfStrings(_ operands: [Tensor]) throws(KernelFault) -> [Tensor] {
  var first = 0
  var positions: [Tensor] = []
  for operand in operands {
    let tensor = try Tensor.allocate(.int64, operand.sizes)
    let target = tensor.pointer(Int64.self)
    for i in 0..<operand.elementCount { target[i] = Int64(first + i) }
    first += operand.elementCount
    positions.append(tensor)
  }
  return positions
}

extension Tensor {
  /// One byte for each packed element, its bits as they are.
  fileprivate func unpacked(_ bits: Int) throws(KernelFault) -> Tensor {
    let result = try Tensor.allocate(.uint8, sizes)
    let (source, target) = (pointer(UInt8.self), result.pointer(UInt8.self))
    let mask = UInt8(1 << bits - 1)
    for i in 0..<elementCount { target[i] = source[i * bits / 8] >> UInt8(i * bits % 8) & mask }
    return result
  }

  fileprivate func pack(into result: Tensor, _ bits: Int) {
    let (source, target) = (pointer(UInt8.self), result.pointer(UInt8.self))
    target.update(repeating: 0, count: result.byteCount)
    for i in 0..<elementCount { target[i * bits / 8] |= source[i] << UInt8(i * bits % 8) }
  }

  /// Elements of an integer tensor of rank 0 or 1.
  func integers() throws(KernelFault) -> [Int] {
    guard rank <= 1, dataType.isInteger, let codec = ElementCodec(dataType) else { throw .malformed }
    return (0..<elementCount).map { Int(codec.int64(at: $0, in: bytes.base)) }
  }

  /// Sets every byte to zero, which is the element 0 of every type.
  func clear() {
    if byteCount > 0 { base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }
  }
}

extension Evaluation {
  /// Rounds numbers to the type of a result.
  mutating func set(_ index: Int, _ numbers: [Double], _ dataType: DataType, _ sizes: [Int])
    throws(KernelFault)
  {
    let wide = try Tensor.allocate(.float64, sizes)
    let to = wide.pointer(Double.self)
    for i in numbers.indices { to[i] = numbers[i] }
    let y = try result(index, dataType, sizes)
    try cast(wide, into: y)
    withExtendedLifetime(wide) {}
  }
}
