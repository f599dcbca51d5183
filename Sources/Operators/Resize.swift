import IR
import Tensors

/// ONNX `Resize`; `Upsample` is one with asymmetric coordinates. Operands: x, roi?, scales?, sizes?.
package struct Resize: Operator {
  package enum Mode: String, Hashable, Codable, Sendable { case nearest, linear, cubic }
  package enum Coordinates: String, Hashable, Codable, Sendable {
    case halfPixel, halfPixelSymmetric, pytorchHalfPixel, alignCorners, asymmetric, tfCropAndResize,
      tfHalfPixelForNN
  }
  package enum Rounding: String, Hashable, Codable, Sendable {
    case roundPreferFloor, roundPreferCeil, floor, ceil
  }
  package enum AspectPolicy: String, Hashable, Codable, Sendable { case stretch, notLarger, notSmaller }

  package static let name = "Resize"
  package var mode: Mode
  package var coordinates: Coordinates
  package var rounding: Rounding
  package var cubicCoefficient: Real
  package var excludeOutside: Bool
  package var extrapolationValue: Real
  package var antialias: Bool
  package var aspectPolicy: AspectPolicy
  /// Axes that `scales`, `sizes` and the region refer to; nil: all.
  package var axes: [Int]?
  /// nil: read from the operand; an operand that is absent or empty says nothing.
  package var scales: [Real]?
  package var sizes: [Int]?

  package init(
    mode: Mode = .nearest, coordinates: Coordinates = .halfPixel, rounding: Rounding = .roundPreferFloor,
    cubicCoefficient: Real = -0.75, excludeOutside: Bool = false, extrapolationValue: Real = 0,
    antialias: Bool = false, aspectPolicy: AspectPolicy = .stretch, axes: [Int]? = nil, scales: [Real]? = nil,
    sizes: [Int]? = nil
  ) {
    self.mode = mode
    self.coordinates = coordinates
    self.rounding = rounding
    self.cubicCoefficient = cubicCoefficient
    self.excludeOutside = excludeOutside
    self.extrapolationValue = extrapolationValue
    self.antialias = antialias
    self.aspectPolicy = aspectPolicy
    self.axes = axes
    self.scales = scales
    self.sizes = sizes
  }

  package var traits: OperatorTraits { [.pure] }
}
