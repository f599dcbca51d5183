import IR
import Tensors

/// ONNX `GridSample`. Operands: x [N, C, D1, …], grid [N, O1, …, n] of coordinates from −1 to 1, the last axis
/// first. Result: [N, C, O1, …]. In the order of the axes, cubic and linear samples are separable.
package struct GridSample: Operator {
  package enum Mode: String, Hashable, Codable, Sendable { case nearest, linear, cubic }
  package enum Padding: String, Hashable, Codable, Sendable { case zeros, border, reflection }
  package static let name = "GridSample"
  package var mode: Mode
  package var padding: Padding
  /// −1 and 1 are the centers of the outermost elements, not their outer edges.
  package var alignCorners: Bool

  package init(mode: Mode = .linear, padding: Padding = .zeros, alignCorners: Bool = false) {
    self.mode = mode
    self.padding = padding
    self.alignCorners = alignCorners
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `AffineGrid`. Operands: theta [N, n, n + 1], sizes [N, C, D1, …] (n of 2 or 3 spatial axes). Result: a
/// grid [N, D1, …, n] for `GridSample`.
package struct AffineGrid: Operator {
  package static let name = "AffineGrid"
  package var alignCorners: Bool
  package init(alignCorners: Bool = false) { self.alignCorners = alignCorners }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `RoiAlign`. Operands: x [N, C, H, W], regions [R, 4] (x1, y1, x2, y2), the image of each [R]. Result:
/// [R, C, height, width].
package struct RoiAlign: Operator {
  /// Of samples by interpolation. The maximum is that of the four weighted neighbours of each sample.
  package enum Mode: String, Hashable, Codable, Sendable { case average, max }
  package static let name = "RoiAlign"
  package var mode: Mode
  package var height: Int
  package var width: Int
  /// Samples along each side of a cell; 0: as many as it is high and wide.
  package var samplingRatio: Int
  package var scale: Real
  /// Coordinates are moved by half an element, and small regions keep their size.
  package var halfPixel: Bool

  package init(
    mode: Mode = .average, height: Int = 1, width: Int = 1, samplingRatio: Int = 0, scale: Real = 1,
    halfPixel: Bool = true
  ) {
    self.mode = mode
    self.height = height
    self.width = width
    self.samplingRatio = samplingRatio
    self.scale = scale
    self.halfPixel = halfPixel
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `MaxRoiPool`. Operands: x [N, C, H, W], regions [R, 5] (image, x1, y1, x2, y2). Result: [R, C, height,
/// width], 0 where a cell is empty.
package struct MaxRoiPool: Operator {
  package static let name = "MaxRoiPool"
  package var height: Int
  package var width: Int
  package var scale: Real

  package init(height: Int, width: Int, scale: Real = 1) {
    self.height = height
    self.width = width
    self.scale = scale
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `DeformConv`. Operands: x [N, C, …], weights [O, C/groups, kernel…], offsets [N, offsetGroups · taps ·
/// axes, …], bias [O]?, mask [N, offsetGroups · taps, …]?. Samples are linear, and 0 outside of x.
package struct DeformConv: Operator {
  package static let name = "DeformConv"
  package var window: Window
  package var groups: Int
  package var offsetGroups: Int

  package init(window: Window, groups: Int = 1, offsetGroups: Int = 1) {
    self.window = window
    self.groups = groups
    self.offsetGroups = offsetGroups
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `NonMaxSuppression`. Operands: boxes [N, B, 4], scores [N, C, B], most boxes per class?, threshold of
/// the overlap?, threshold of the score?. Result: int64 [selected, 3] (image, class, box).
package struct NonMaxSuppression: Operator {
  package static let name = "NonMaxSuppression"
  /// Boxes are (x, y, width, height) around a center, not two opposite corners (y1, x1, y2, x2).
  package var centerPointBox: Bool
  package init(centerPointBox: Bool = false) { self.centerPointBox = centerPointBox }
  package var traits: OperatorTraits { [.pure, .dataDependent] }
}
