import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  /// What is no image is an empty one, with or without a library that decodes.
  static let images: [OperatorCase] = ImageDecoder.PixelFormat.allCases.flatMap { format in
    [[Double](), [80, 54, 10], [Double](repeating: 7, count: 40)].map { bytes in
      OperatorCase(
        "ImageDecoder/\(format)/\(bytes.count)", ImageDecoder(format),
        [Grid([bytes.count], bytes).value(.uint8)],
        gives: [Grid([0, 0, format == .grayscale ? 1 : 3], []).value(.uint8)])
    }
  }
}
