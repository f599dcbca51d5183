import Kernels
import Operators
import Tensors

/// The sizes that kernels other than naive's are asked about.
///
/// Libraries count in 32 bits, and fast kernels take memory and time for what lies in padding: for padded images, for
/// windows that reach beyond the image, and for what padding cuts off. Real models are far within these limits. Naive
/// computes what is beyond them.
enum FastRange {
  /// Elements of a tensor, and each of its sizes.
  private static let countLimit = Int(Int32.max)
  /// Positions of a window along an axis, strides, dilations and pads.
  private static let windowLimit = 1 << 15
  /// How many times the elements of images and results a padded image may have.
  private static let growthLimit = 16
  /// Below these, nothing is refused for its growth.
  private static let smallCount = 1 << 20
  private static let smallExtent = 1 << 10

  /// Why no fast kernel is asked; nil where they are.
  static func refusal(of request: KernelRequest) -> String? {
    let placements =
      request.inputs.map { $0?.placement } + request.epilogueInputs.map { $0.placement } + request.outputs
    for case let placement? in placements {
      guard count(placement.sizes) != nil, placement.sizes.allSatisfy({ $0 <= countLimit }) else {
        return "sizes beyond 32 bits"
      }
    }
    guard let (window, image, padded) = frame(of: request) else { return nil }
    let lengths = window.kernel + window.strides + window.dilations + window.padsBegin + window.padsEnd
    if lengths.contains(where: { $0 > windowLimit || $0 < -windowLimit }) {
      return "a window, stride, dilation or pad beyond \(windowLimit)"
    }
    for (axis, extent) in image.enumerated() where axis < window.kernel.count {
      let reach = (window.kernel[axis] &- 1) &* window.dilations[axis] &+ 1
      if reach > 4 * extent + smallExtent { return "a window that reaches far beyond the image" }
    }
    let own = request.inputs.first.flatMap { $0?.placement.elementCount } ?? 0
    let result = request.outputs.first.flatMap { $0?.elementCount } ?? 0
    guard let total = count(padded), total <= smallCount || total / growthLimit <= own + result else {
      return "mostly padding, or results that padding cuts off"
    }
    return nil
  }

  /// The window of a request, the sizes that it slides over, and all sizes that are computed with padding.
  private static func frame(of request: KernelRequest) -> (window: Window, image: [Int], padded: [Int])? {
    guard let sizes = request.inputs.first??.placement.sizes, sizes.count > 2,
      let output = request.outputs.first??.sizes, output.count == sizes.count
    else { return nil }
    func padded(_ window: Window) -> (Window, [Int], [Int])? {
      guard window.kernel.count == sizes.count - 2, window.padsBegin.count == window.kernel.count else {
        return nil
      }
      let image = Array(sizes[2...])
      var all = Array(sizes[..<2])
      for (axis, size) in image.enumerated() {
        all.append(size &+ window.padsBegin[axis] &+ window.padsEnd[axis])
      }
      return (window, image, all)
    }
    switch request.op.base {
    case let op as Convolution: return padded(op.window)
    case let op as MaxPool: return padded(op.window)
    case let op as AveragePool: return padded(op.window)
    case let op as ConvTranspose:
      let window = op.window
      guard window.kernel.count == sizes.count - 2 else { return nil }
      // What is computed: every position of the image spreads over a window.
      var all = Array(output[..<2])
      for axis in window.kernel.indices {
        let steps = max(0, sizes[axis + 2] - 1) &* window.strides[axis]
        all.append(steps &+ (window.kernel[axis] &- 1) &* window.dilations[axis] &+ 1)
      }
      return (window, [], all)
    default: return nil
    }
  }

  /// The product of sizes within the limit; nil beyond it.
  private static func count(_ sizes: [Int]) -> Int? {
    var count = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: max(0, size))
      if overflow || product > countLimit { return nil }
      count = product
    }
    return count
  }
}
