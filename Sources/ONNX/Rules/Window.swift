import IR
import Operators
import Tensors

extension NodeContext {
  /// The sliding window of a convolution or a pooling; `kernel` is what the weights say where the attribute is absent.
  ///
  /// Every number is checked here, so that nothing divides by zero or reads beyond a list later.
  func window(
    kernel inferred: [Int]? = nil, ofWeights: Bool = false, dilates: Bool = true
  ) throws(Unsupported.Reason) -> Window {
    guard let kernel = try ints("kernel_shape") ?? inferred else {
      throw ofWeights
        ? .form("needs kernel_shape or weights of known sizes") : .missingAttribute("kernel_shape")
    }
    try check("kernel_shape", kernel, count: kernel.count, minimum: 1)
    if kernel.isEmpty { throw .attribute(name: "kernel_shape", expected: "at least one axis", found: "none") }
    if let inferred, inferred != kernel {
      throw .attribute(
        name: "kernel_shape", expected: "\(inferred) as the weights have it", found: "\(kernel)")
    }
    let strides = try ints("strides")
    if let strides { try check("strides", strides, count: kernel.count, minimum: 1) }
    let dilations = dilates ? try ints("dilations") : nil
    if let dilations { try check("dilations", dilations, count: kernel.count, minimum: 1) }
    let autoPad = try word(
      "auto_pad", default: "NOTSET",
      ["NOTSET": AutoPad.explicit, "SAME_UPPER": .sameUpper, "SAME_LOWER": .sameLower, "VALID": .valid])
    let pads = try ints("pads")
    if let pads { try check("pads", pads, count: 2 * kernel.count, minimum: 0) }
    // Padding that is found by rule makes that in the file void.
    let given = autoPad == .explicit ? pads : nil
    return Window(
      kernel: kernel, strides: strides, dilations: dilations,
      padsBegin: given.map { Array($0.prefix(kernel.count)) },
      padsEnd: given.map { Array($0.suffix(kernel.count)) }, autoPad: autoPad)
  }

  func check(_ name: String, _ values: [Int], count: Int, minimum: Int) throws(Unsupported.Reason) {
    if values.count != count {
      throw .attribute(name: name, expected: "\(count) numbers", found: "\(values.count)")
    }
    // Larger numbers belong to no image and would overflow sums of sizes.
    if let wrong = values.first(where: { $0 < minimum || $0 > 1 << 30 }) {
      throw .attribute(name: name, expected: "numbers of at least \(minimum)", found: "\(wrong)")
    }
  }

  /// The spatial sizes of constant or known weights [a, b, …].
  func kernel(ofWeights index: Int) throws(Unsupported.Reason) -> [Int]? {
    guard let shape = operand(index)?.shape else { return nil }
    if shape.count < 3 { throw .form("weights have rank \(shape.count), expected at least 3") }
    var sizes: [Int] = []
    for size in shape.dropFirst(2) {
      guard let number = size.fixed else { return nil }
      sizes.append(number)
    }
    return sizes
  }

  /// A count that must be positive.
  func positive(_ name: String, default fallback: Int? = nil) throws(Unsupported.Reason) -> Int {
    guard let found = try optionalInt(name) ?? fallback else { throw .missingAttribute(name) }
    try check(name, [found], count: 1, minimum: 1)
    return found
  }
}
