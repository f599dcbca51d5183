import IR
import Tensors

/// ONNX `ImageDecoder`: the bytes of an image file, uint8 [n], as pixels, uint8 [height, width, channels].
///
/// Bytes that are no image, or a damaged one, give an empty tensor of 0 × 0 pixels, as the standard says.
package struct ImageDecoder: Operator {
  package enum PixelFormat: String, Hashable, Codable, Sendable, CaseIterable { case rgb, bgr, grayscale }
  package static let name = "ImageDecoder"
  package var pixelFormat: PixelFormat

  package init(_ pixelFormat: PixelFormat = .rgb) { self.pixelFormat = pixelFormat }

  package var traits: OperatorTraits { [.pure, .dataDependent] }
  package var channelCount: Int { pixelFormat == .grayscale ? 1 : 3 }

  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    let x = try context.tensor(0, of: [.uint8])
    if let rank = x?.shape?.count, rank != 1 { throw GraphError(.rank(operand: 0, expected: 1, found: rank)) }
    return [.tensor(.uint8, [context.fresh(0), context.fresh(1), Dimension(channelCount)])]
  }
}
