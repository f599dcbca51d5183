import Kernels
import Tensors

/// One evaluation of an operator: its operands, and where its results go.
///
/// The same function of an operator serves two callers. A planned step gives destinations, the plan's memory, and
/// `result` hands them out; the evaluated path gives none, and `result` allocates.
struct Evaluation {
  let operands: [RuntimeValue?]
  /// Which results are asked for. An operator may skip the others.
  let wanted: [Bool]
  private let destinations: [Tensor?]
  /// No result may be larger: a few bytes of attributes can ask for any size.
  private let byteLimit: Int
  private(set) var results: [RuntimeValue?]

  /// The default limit of one result.
  static let byteLimit = 1 << 32

  init(
    _ operands: [RuntimeValue?], wanted: [Bool], destinations: [Tensor?] = [], byteLimit: Int = Self.byteLimit
  ) {
    self.operands = operands
    self.wanted = wanted
    self.destinations = destinations
    self.byteLimit = byteLimit
    results = [RuntimeValue?](repeating: nil, count: wanted.count)
  }

  func isWanted(_ index: Int) -> Bool { index < wanted.count && wanted[index] }

  // MARK: - Operands

  /// Operand `index` as an aligned row-major tensor; nil when it is omitted.
  func optional(_ index: Int) throws(KernelFault) -> Tensor? {
    guard index < operands.count, let value = operands[index] else { return nil }
    switch value {
    case .absent: return nil
    case .sequence, .map: throw .malformed
    case .tensor(let tensor): return try tensor.plain()
    }
  }

  func operand(_ index: Int) throws(KernelFault) -> Tensor {
    guard let tensor = try optional(index) else { throw .malformed }
    return tensor
  }

  /// Operand `index` as a vector of integers; nil when it is omitted.
  func integers(_ index: Int) throws(KernelFault) -> [Int]? {
    guard let tensor = try optional(index) else { return nil }
    return try tensor.integers()
  }

  /// An attribute, or the operand that stands for it.
  func integers(_ attribute: [Int]?, orOperand index: Int) throws(KernelFault) -> [Int]? {
    if let attribute { return attribute }
    return try integers(index)
  }

  // MARK: - Results

  /// The memory of result `index`, uninitialized.
  mutating func result(_ index: Int = 0, _ dataType: DataType, _ sizes: [Int]) throws(KernelFault) -> Tensor {
    let tensor: Tensor
    if index < destinations.count, let destination = destinations[index] {
      guard destination.dataType == dataType, destination.sizes == sizes else {
        throw .sizeMismatch(output: index)
      }
      tensor = destination
    } else {
      tensor = try Tensor.allocate(dataType, sizes, byteLimit: byteLimit)
    }
    set(index, .tensor(tensor))
    return tensor
  }

  /// Gives result `index` a value made elsewhere, such as an operand under other sizes.
  mutating func set(_ index: Int = 0, _ value: RuntimeValue) {
    while results.count <= index { results.append(nil) }
    results[index] = value
  }

  /// A copy that sees other operands and allocates its results.
  func with(_ operands: [RuntimeValue?]) -> Evaluation {
    Evaluation(operands, wanted: wanted, byteLimit: byteLimit)
  }

  /// Takes steps of the run's budget, before the loop that needs them.
  func takeSteps(_ count: Int) throws(KernelFault) {
    do { try RunBudget.current?.takeSteps(count) } catch { throw .overBudget(error) }
  }

  /// Throws where scratch of `byteCount` bytes would exceed the run's budget, or the limit of one result.
  func checkScratch(_ byteCount: Int) throws(KernelFault) {
    if byteCount > byteLimit { throw .budget }
    do { try RunBudget.current?.checkBytes(byteCount) } catch { throw .overBudget(error) }
  }

  /// Throws where strings or a sequence of so many items, with `byteCount` bytes of elements, would exceed the budget.
  func checkList(itemCount: Int, byteCount: Int = 0) throws(KernelFault) {
    let (items, overflow) = itemCount.multipliedReportingOverflow(by: RunBudget.itemByteCount)
    let (bytes, carry) = items.addingReportingOverflow(byteCount)
    if overflow || carry || bytes > RunBudget.defaultListByteLimit { throw .budget }
    do { try RunBudget.current?.checkListBytes(bytes) } catch { throw .overBudget(error) }
  }

  /// The size of a result that is built elsewhere, checked against the limit.
  func checkCount(_ count: Int, of dataType: DataType) throws(KernelFault) {
    guard let bytes = dataType.byteCount(of: count), bytes <= byteLimit else { throw .budget }
  }
}

extension KernelFault {
  /// Operands that type inference would have refused.
  static var malformed: KernelFault { .notRepresentable }
}

/// Runs `body`, turning a tensor that cannot be made into a fault.
func faulting<T>(_ body: () throws(TensorError) -> T) throws(KernelFault) -> T {
  do {
    return try body()
  } catch {
    switch error {
    case .sizeOverflow, .negativeSize, .outOfMemory, .budget: throw .budget
    default: throw .malformed
    }
  }
}

extension Tensor {
  static func allocate(
    _ dataType: DataType, _ sizes: [Int], byteLimit: Int = Evaluation.byteLimit
  ) throws(KernelFault) -> Tensor {
    let count = try faulting { () throws(TensorError) in try Tensor.elementCount(of: sizes) }
    guard let bytes = dataType.byteCount(of: count), bytes <= byteLimit else { throw .budget }
    return try faulting { () throws(TensorError) in try Tensor(uninitialized: dataType, sizes: sizes) }
  }

  /// The same elements in row-major order, aligned for their type.
  func plain() throws(KernelFault) -> Tensor {
    if dataType == .string { return self }
    let dense = try faulting { () throws(TensorError) in try reordered(to: .rowMajor(dataType)) }
    let width = (dataType.bitWidth ?? 8) / 8
    if width <= 1 || dense.bytes.isAligned(to: min(width, 8)) { return dense }
    let copy = try Tensor.allocate(dataType, sizes)
    dense.withBytes { copy.base.copyMemory(from: $0.base, byteCount: $0.count) }
    return copy
  }

  /// The first byte, of a tensor that is being written.
  var base: UnsafeMutableRawPointer { UnsafeMutableRawPointer(mutating: bytes.base) }

  func pointer<T: BitwiseCopyable>(_ type: T.Type) -> UnsafeMutablePointer<T> {
    base.assumingMemoryBound(to: type)
  }

  func reshape(_ sizes: [Int]) throws(KernelFault) -> Tensor {
    try faulting { () throws(TensorError) in
      dataType == .string
        ? try Tensor(dataType: .string, sizes: sizes, storage: storage) : try reshaped(to: sizes)
    }
  }
}

/// `axis` counted from the end when negative.
func normalized(_ axis: Int, rank: Int) throws(KernelFault) -> Int {
  guard axis >= -rank, axis < rank else { throw .malformed }
  return axis < 0 ? axis + rank : axis
}

/// Axes counted from the front, in order, each once.
func normalized(_ axes: [Int], rank: Int) throws(KernelFault) -> [Int] {
  var seen = [Bool](repeating: false, count: rank)
  for axis in axes { seen[try normalized(axis, rank: rank)] = true }
  return (0..<rank).filter { seen[$0] }
}

/// Elements between neighbours along each axis of a row-major tensor.
func rowMajorStrides(_ sizes: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: sizes.count)
  var step = 1
  for axis in sizes.indices.reversed() {
    strides[axis] = step
    step *= max(sizes[axis], 1)
  }
  return strides
}

extension Collection<Int> {
  /// The product of sizes that a tensor has, so that it fits.
  var product: Int { reduce(1, *) }
}
