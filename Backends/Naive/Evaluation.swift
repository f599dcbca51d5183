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
  /// Shared by copies: scratch is counted until all of them are gone.
  private let meter: EvaluationMeter
  private let endsWhenEmpty: Bool

  /// The default limit of one result.
  static let byteLimit = 1 << 32

  init(
    _ operands: [RuntimeValue?], wanted: [Bool], destinations: [Tensor?] = [],
    byteLimit: Int = Self.byteLimit,
    endsWhenEmpty: Bool = false
  ) {
    self.endsWhenEmpty = endsWhenEmpty
    self.operands = operands
    self.wanted = wanted
    self.destinations = destinations
    self.byteLimit = byteLimit
    meter = EvaluationMeter(byteLimit: byteLimit)
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
    if endsWhenEmpty, tensor.elementCount == 0, areResultsEmpty { throw .nothingToCompute }
    return tensor
  }

  /// Whether every wanted result is there, and none has elements.
  private var areResultsEmpty: Bool {
    wanted.indices.allSatisfy { !wanted[$0] || results[$0]?.tensor?.elementCount == 0 }
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

  /// The size of a result that is built elsewhere, checked against the limit.
  func checkCount(_ count: Int, of dataType: DataType) throws(KernelFault) {
    guard let bytes = dataType.byteCount(of: count), bytes <= byteLimit else { throw .budget }
  }
}

// MARK: - Budget

extension Evaluation {
  /// Takes steps of the run's budget, before the loop that needs them.
  ///
  /// `elements` are those of the operands and results that the loop passes over: a few steps for each are free, so that
  /// only work that is far from linear counts.
  func takeSteps(_ count: Int, beyond elements: Int = 0) throws(KernelFault) {
    try meter.takeSteps(count, beyond: elements)
  }

  /// Takes the product of the factors as steps.
  func takeSteps(product factors: [Int], beyond elements: Int = 0) throws(KernelFault) {
    try meter.takeSteps(saturatingProduct(factors), beyond: elements)
  }

  /// Takes steps for a sum of products over all of `factors`. Such loops are fast, and real models hold many of them: a
  /// step stands for many products.
  func takeProducts(_ factors: [Int]) throws(KernelFault) {
    try meter.takeSteps(saturatingProduct(factors) >> 10, beyond: 0)
  }

  /// Counts scratch of `count` elements of `byteCount` bytes, until the evaluation ends.
  func takeScratch(_ count: Int, bytes byteCount: Int = 8) throws(KernelFault) {
    try meter.takeScratch(count, bytes: byteCount)
  }

  /// Throws where strings or a sequence of so many items, with `byteCount` bytes of elements, would exceed the budget.
  func checkList(itemCount: Int, byteCount: Int = 0) throws(KernelFault) {
    try meter.checkList(itemCount: itemCount, byteCount: byteCount)
  }

  /// Bytes that are left in the budget, for libraries that allocate by themselves.
  var freeByteCount: Int { meter.freeByteCount }

  /// The elements of a numeric tensor, counted as scratch.
  func reals(_ tensor: Tensor) throws(KernelFault) -> [Double] {
    try takeScratch(tensor.elementCount)
    guard let codec = ElementCodec(tensor.dataType) else { throw .notRepresentable }
    return (0..<tensor.elementCount).map { codec.double(at: $0, in: tensor.bytes.base) }
  }

  func reals(_ tensor: Tensor?) throws(KernelFault) -> [Double]? {
    guard let tensor else { return nil }
    return try reals(tensor) as [Double]
  }

  /// A parameter that broadcasts to `sizes`, one number per element of those.
  func spread(_ tensor: Tensor, over sizes: [Int]) throws(KernelFault) -> [Double] {
    let numbers: [Double] = try reals(tensor)
    if tensor.sizes == sizes { return numbers }
    let rows = try Rows(result: sizes, operands: [tensor.sizes])
    var result = try zeros(try sizes.product)
    rows.forEach { row, i, _, _ in
      for p in 0..<rows.rowCount { result[row + p] = numbers[i + p * rows.step(0)] }
    }
    return result
  }

  /// Zeros, counted as scratch.
  func zeros(_ count: Int) throws(KernelFault) -> [Double] {
    try takeScratch(count)
    return [Double](repeating: 0, count: count)
  }
}

/// What one evaluation takes beside its results: steps, and scratch that is given back when it ends.
private final class EvaluationMeter {
  private let budget: RunBudget
  private var scratchByteCount = 0

  /// Elements of operands and results may be visited so many times without a step being counted.
  private static let freeVisits = 64

  /// Outside of a run each evaluation has a budget for itself.
  init(byteLimit: Int) { budget = RunBudget.current ?? RunBudget(byteLimit: byteLimit) }

  deinit { budget.returnBytes(scratchByteCount) }

  func takeSteps(_ count: Int, beyond elements: Int) throws(KernelFault) {
    let (free, overflow) = elements.multipliedReportingOverflow(by: Self.freeVisits)
    if overflow || count <= free { return }
    do { try budget.takeSteps(count - free) } catch { throw .overBudget(error) }
  }

  var freeByteCount: Int { max(budget.byteLimit - budget.byteCount, 0) }

  func takeScratch(_ count: Int, bytes byteCount: Int) throws(KernelFault) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: byteCount)
    if overflow { throw .budget }
    do { try budget.takeBytes(bytes) } catch { throw .overBudget(error) }
    scratchByteCount += bytes
  }

  func checkList(itemCount: Int, byteCount: Int) throws(KernelFault) {
    let (items, overflow) = itemCount.multipliedReportingOverflow(by: RunBudget.itemByteCount)
    let (bytes, carry) = items.addingReportingOverflow(byteCount)
    if overflow || carry { throw .budget }
    do { try budget.checkListBytes(bytes) } catch { throw .overBudget(error) }
  }
}

/// The product of numbers from 0, at most `Int.max`.
func saturatingProduct(_ factors: [Int]) -> Int {
  if factors.contains(0) { return 0 }
  var product = 1
  for factor in factors {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    if overflow { return .max }
    product = next
  }
  return product
}

extension KernelFault {
  /// Operands that type inference would have refused.
  static var malformed: KernelFault { .notRepresentable }

  /// No fault: all wanted results are there and have no elements, so that an operator ends before its loops. Thrown by
  /// `Evaluation.result`, and caught where the evaluation begins.
  static var nothingToCompute: KernelFault { .sizeMismatch(output: -1) }
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

// MARK: - Sizes

// Sizes of tensors without elements may be of any size: these are the only places where sizes are multiplied without a
// tensor of the product being there.

/// Elements between neighbours along each axis of a row-major tensor.
func rowMajorStrides(_ sizes: [Int]) throws(KernelFault) -> [Int] {
  var strides = [Int](repeating: 1, count: sizes.count)
  var step = 1
  for axis in sizes.indices.reversed() {
    strides[axis] = step
    step = try multiplied(step, max(sizes[axis], 1))
  }
  return strides
}

extension Collection<Int> {
  /// The product of sizes. Throws when it does not fit.
  var product: Int {
    get throws(KernelFault) {
      var result = 1
      for size in self { result = try multiplied(result, size) }
      return result
    }
  }
}

/// a · b. Throws when it does not fit.
func multiplied(_ a: Int, _ b: Int) throws(KernelFault) -> Int {
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  if overflow { throw .budget }
  return product
}

/// a + b. Throws when it does not fit.
func added(_ a: Int, _ b: Int) throws(KernelFault) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  if overflow { throw .budget }
  return sum
}
