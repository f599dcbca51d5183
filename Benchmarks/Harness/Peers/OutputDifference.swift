import Tensors

/// How far the outputs in one folder lie from those in another: files `output_0.npy`, ….
package struct OutputDifference: Sendable {
  /// The largest difference over the largest magnitude of the reference, of the worst output.
  package var worst = 0.0
  /// What cannot be expressed by a number; nil when all could be compared.
  package var reason: String?

  package init(_ folder: String, count: Int, reference: String, referenceCount: Int) {
    guard count == referenceCount else {
      reason = "\(count) outputs where the reference has \(referenceCount)"
      return
    }
    for i in 0..<count {
      do throws(TensorError) {
        try compare(
          try Tensor(npyFile: "\(folder)/output_\(i).npy"),
          try Tensor(npyFile: "\(reference)/output_\(i).npy"), i)
      } catch { reason = reason ?? "output \(i): \(error.description)" }
    }
  }

  private mutating func compare(_ tensor: Tensor, _ reference: Tensor, _ index: Int) throws(TensorError) {
    // Axes of one element come and go between formats; elements and their order must not.
    guard tensor.sizes.filter({ $0 != 1 }) == reference.sizes.filter({ $0 != 1 }) else {
      reason = reason ?? "output \(index) has the sizes \(tensor.sizes), the reference \(reference.sizes)"
      return
    }
    let values = try tensor.doubles()
    let expected = try reference.doubles()
    var scale = 0.0
    var largest = 0.0
    for (value, expected) in zip(values, expected) {
      guard value.isFinite, expected.isFinite else {
        if value != expected && !(value.isNaN && expected.isNaN) {
          reason = reason ?? "output \(index) holds \(value) where the reference holds \(expected)"
        }
        continue
      }
      scale = max(scale, abs(expected))
      largest = max(largest, abs(value - expected))
    }
    if largest > 0 { worst = max(worst, scale > 0 ? largest / scale : .infinity) }
  }
}
