import COneDNN
import Kernels
import Tensors

/// Where the elements of a logical shape are, in the order of axes that the library wants.
struct View: Hashable {
  var sizes: [Int]
  /// In elements; nil: the library chooses.
  var strides: [Int]?

  init(_ sizes: [Int], strides: [Int]?) {
    self.sizes = sizes
    self.strides = strides
  }

  /// Nil for blocked layouts.
  init?(_ sizes: [Int], layout: Layout) {
    guard let strides = layout.strides(of: sizes) else { return nil }
    self.init(sizes, strides: strides)
  }

  static func rowMajor(_ sizes: [Int]) -> View { View(sizes, strides: Layout.rowMajor.strides(of: sizes)) }
  static func opaque(_ sizes: [Int]) -> View { View(sizes, strides: nil) }

  var tensor: onednn_tensor {
    let sizes = sizes.map { Int64($0) }
    guard let strides else { return onednn_tensor_make(Int32(sizes.count), sizes, nil) }
    return onednn_tensor_make(Int32(sizes.count), sizes, strides.map { Int64($0) })
  }
}

extension onednn_problem {
  init(_ kind: OneDNNKind, source: View, weights: View? = nil, bias: View? = nil, destination: View) {
    self.init()
    self.kind = kind
    self.source = source.tensor
    self.destination = destination.tensor
    if let weights { self.weights = weights.tensor }
    if let bias { self.bias = bias.tensor }
  }

  /// The library's implementation, or why there is none worth having.
  func implementation() -> Result<String, KernelError> {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { name in
      name.initialize(repeating: 0)
      let problem = explained { error, capacity in
        withUnsafePointer(to: self) { onednn_consider($0, name.baseAddress!, name.count, error, capacity) }
      }
      if let problem { return .failure(KernelError("oneDNN: \(problem)")) }
      let found = String(cString: name.baseAddress!)
      if found.hasPrefix("ref") {
        return .failure(KernelError("oneDNN has only its slow reference implementation"))
      }
      return .success(found)
    }
  }

  mutating func append(_ steps: [onednn_step]) -> Bool {
    for step in steps {
      let fits = withUnsafePointer(to: step) { onednn_problem_append(&self, $0) }
      if !fits { return false }
    }
    return true
  }
}

/// The first values as the library's spatial triple.
func triple(_ values: [Int], or rest: Int64) -> (Int64, Int64, Int64) {
  func at(_ i: Int) -> Int64 { i < values.count ? Int64(values[i]) : rest }
  return (at(0), at(1), at(2))
}

extension Placement {
  var isDenseFloat: Bool { dataType == .float32 && format.storage == .float32 && strides == nil && !isEmpty }
}

extension KernelRequest {
  /// Why this backend cannot look at the request at all; nil: it can.
  var commonRefusal: String? {
    let placements = inputs.compactMap { $0?.placement } + outputs.compactMap { $0 }
    if body != nil { return "a group" }
    if outputs.dropFirst().contains(where: { $0 != nil }) { return "more than one result" }
    if placements.contains(where: { $0.isEmpty }) { return "an empty tensor" }
    if placements.contains(where: { !$0.isDenseFloat }) { return "elements other than dense 32-bit floats" }
    if placements.contains(where: { $0.rank > Int(onednn_rank_limit) }) { return "too many axes" }
    return nil
  }
}
