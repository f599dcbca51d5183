import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let resize: [OperatorCase] = all([recorded, variants])

  private static let line = Grid([5], [1, 5, 2, 8, 3])
  private static let image = Grid(
    [1, 1, 4, 4], [1, 3, 5, 8, 11, 15, 19, 23, 27, 32, 36, 42, 47, 52, 58, 64])

  private static func resized(
    _ label: String, _ x: Grid, _ op: Resize, _ sizes: [Int], _ values: [Double], region: [Double]? = nil
  ) -> OperatorCase {
    OperatorCase(
      "Resize/\(label)", op, operands([x, region.map { Grid([$0.count], $0) }], .float32),
      gives: [Grid(sizes, values).value()], .close(relative: 1e-5, absolute: 1e-5))
  }

  /// Results of the reference implementation of ONNX.
  // swift-format-ignore
  private static let recorded: [OperatorCase] = [
    resized("linear/halfPixel/up", line, Resize(mode: .linear, coordinates: .halfPixel, sizes: [8]), [8],
      [1, 2.75, 4.8125, 2.9375, 3.875, 7.625, 5.1875, 3]),
    resized("linear/halfPixel/down", line, Resize(mode: .linear, coordinates: .halfPixel, scales: [0.6]), [3],
      [2.3333333, 2.0000002, 4.6666675]),
    resized("cubic/halfPixel/up", line, Resize(mode: .cubic, coordinates: .halfPixel, scales: [2.0]), [10],
      [0.578125, 2.0117188, 4.4101562, 4.53125, 2.1875, 3.21875, 7.0625, 7.5, 4.34375, 2.4726562]),
    resized("nearest/halfPixel/roundPreferFloor", line, Resize(coordinates: .halfPixel, rounding: .roundPreferFloor, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/halfPixel/roundPreferCeil", line, Resize(coordinates: .halfPixel, rounding: .roundPreferCeil, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/halfPixel/floor", line, Resize(coordinates: .halfPixel, rounding: .floor, sizes: [7]), [7],
      [1, 1, 5, 2, 2, 8, 3]),
    resized("nearest/halfPixel/ceil", line, Resize(coordinates: .halfPixel, rounding: .ceil, sizes: [7]), [7],
      [1, 5, 2, 2, 8, 3, 3]),
    resized("linear/halfPixelSymmetric/up", line, Resize(mode: .linear, coordinates: .halfPixelSymmetric, sizes: [8]), [8],
      [1, 2.75, 4.8125, 2.9375, 3.875, 7.625, 5.1875, 3]),
    resized("linear/halfPixelSymmetric/down", line, Resize(mode: .linear, coordinates: .halfPixelSymmetric, scales: [0.6]), [3],
      [2.3333335, 2, 4.666667]),
    resized("cubic/halfPixelSymmetric/up", line, Resize(mode: .cubic, coordinates: .halfPixelSymmetric, scales: [2.0]), [10],
      [0.578125, 2.0117188, 4.4101562, 4.53125, 2.1875, 3.21875, 7.0625, 7.5, 4.34375, 2.4726562]),
    resized("nearest/halfPixelSymmetric/roundPreferFloor", line, Resize(coordinates: .halfPixelSymmetric, rounding: .roundPreferFloor, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/halfPixelSymmetric/roundPreferCeil", line, Resize(coordinates: .halfPixelSymmetric, rounding: .roundPreferCeil, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/halfPixelSymmetric/floor", line, Resize(coordinates: .halfPixelSymmetric, rounding: .floor, sizes: [7]), [7],
      [1, 1, 5, 2, 2, 8, 3]),
    resized("nearest/halfPixelSymmetric/ceil", line, Resize(coordinates: .halfPixelSymmetric, rounding: .ceil, sizes: [7]), [7],
      [1, 5, 2, 2, 8, 3, 3]),
    resized("linear/pytorchHalfPixel/up", line, Resize(mode: .linear, coordinates: .pytorchHalfPixel, sizes: [8]), [8],
      [1, 2.75, 4.8125, 2.9375, 3.875, 7.625, 5.1875, 3]),
    resized("linear/pytorchHalfPixel/down", line, Resize(mode: .linear, coordinates: .pytorchHalfPixel, scales: [0.6]), [3],
      [2.3333333, 2.0000002, 4.6666675]),
    resized("cubic/pytorchHalfPixel/up", line, Resize(mode: .cubic, coordinates: .pytorchHalfPixel, scales: [2.0]), [10],
      [0.578125, 2.0117188, 4.4101562, 4.53125, 2.1875, 3.21875, 7.0625, 7.5, 4.34375, 2.4726562]),
    resized("nearest/pytorchHalfPixel/roundPreferFloor", line, Resize(coordinates: .pytorchHalfPixel, rounding: .roundPreferFloor, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/pytorchHalfPixel/roundPreferCeil", line, Resize(coordinates: .pytorchHalfPixel, rounding: .roundPreferCeil, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/pytorchHalfPixel/floor", line, Resize(coordinates: .pytorchHalfPixel, rounding: .floor, sizes: [7]), [7],
      [1, 1, 5, 2, 2, 8, 3]),
    resized("nearest/pytorchHalfPixel/ceil", line, Resize(coordinates: .pytorchHalfPixel, rounding: .ceil, sizes: [7]), [7],
      [1, 5, 2, 2, 8, 3, 3]),
    resized("linear/alignCorners/up", line, Resize(mode: .linear, coordinates: .alignCorners, sizes: [8]), [8],
      [1, 3.2857144, 4.5714288, 2.8571429, 3.7142856, 7.1428571, 5.8571429, 3]),
    resized("linear/alignCorners/down", line, Resize(mode: .linear, coordinates: .alignCorners, scales: [0.6]), [3],
      [1, 2.0000002, 3.0000012]),
    resized("cubic/alignCorners/up", line, Resize(mode: .cubic, coordinates: .alignCorners, scales: [2.0]), [10],
      [1, 2.997256, 4.8299046, 4.1666646, 2.1049387, 3.0308638, 6.4999986, 7.9355302, 5.6817555, 3]),
    resized("nearest/alignCorners/roundPreferFloor", line, Resize(coordinates: .alignCorners, rounding: .roundPreferFloor, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/alignCorners/roundPreferCeil", line, Resize(coordinates: .alignCorners, rounding: .roundPreferCeil, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 8, 3]),
    resized("nearest/alignCorners/floor", line, Resize(coordinates: .alignCorners, rounding: .floor, sizes: [7]), [7],
      [1, 1, 5, 2, 2, 8, 3]),
    resized("nearest/alignCorners/ceil", line, Resize(coordinates: .alignCorners, rounding: .ceil, sizes: [7]), [7],
      [1, 5, 2, 2, 8, 3, 3]),
    resized("linear/asymmetric/up", line, Resize(mode: .linear, coordinates: .asymmetric, sizes: [8]), [8],
      [1, 3.5, 4.25, 2.375, 5, 7.375, 4.25, 3]),
    resized("linear/asymmetric/down", line, Resize(mode: .linear, coordinates: .asymmetric, scales: [0.6]), [3],
      [1, 3.0000002, 6.333334]),
    resized("cubic/asymmetric/up", line, Resize(mode: .cubic, coordinates: .asymmetric, scales: [2.0]), [10],
      [1, 3.28125, 5, 3.3125, 2, 5.1875, 8, 6.0625, 3, 2.53125]),
    resized("nearest/asymmetric/roundPreferFloor", line, Resize(coordinates: .asymmetric, rounding: .roundPreferFloor, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 3, 3]),
    resized("nearest/asymmetric/roundPreferCeil", line, Resize(coordinates: .asymmetric, rounding: .roundPreferCeil, sizes: [7]), [7],
      [1, 5, 5, 2, 8, 3, 3]),
    resized("nearest/asymmetric/floor", line, Resize(coordinates: .asymmetric, rounding: .floor, sizes: [7]), [7],
      [1, 1, 5, 2, 2, 8, 3]),
    resized("nearest/asymmetric/ceil", line, Resize(coordinates: .asymmetric, rounding: .ceil, sizes: [7]), [7],
      [1, 5, 2, 8, 8, 3, 3]),
    resized("nearest/down", line, Resize(coordinates: .halfPixel, scales: [0.6]), [3],
      [1, 2, 3]),
    resized("cubic/exclude", line, Resize(mode: .cubic, excludeOutside: true, sizes: [7]), [7],
      [0.6417909, 3.4432433, 4.3833847, 2, 6.8323612, 6.2729726, 2.5522387]),
    resized("cubic/coefficient", line, Resize(mode: .cubic, cubicCoefficient: -0.5, sizes: [7]), [7],
      [0.7900875, 3.5655973, 4.3906684, 2, 6.8250713, 6.3644304, 2.7376089]),
    resized("linear/antialias", line, Resize(mode: .linear, antialias: true, sizes: [3]), [3],
      [2.5, 4, 4.875]),
    resized("cubic/antialias", line, Resize(mode: .cubic, antialias: true, sizes: [2]), [2],
      [2.9260001, 4.9169998]),
    resized("cubic/antialias/exclude", line, Resize(mode: .cubic, excludeOutside: true, antialias: true, sizes: [3]), [3],
      [2.5153027, 4.3958335, 5.204082]),
    resized("image/linear", image, Resize(mode: .linear, sizes: [1, 1, 6, 3]), [1, 1, 6, 3],
      [1.3333334, 4, 7.5, 6.5, 10.5, 14.916667, 14.3611107, 19.833334, 25.4444447, 25.1388893, 31.166666, 37.8888893, 37.8333321, 44.5, 52, 47.8333321, 55, 63]),
    resized("image/nearest/x2", image, Resize(coordinates: .asymmetric, rounding: .floor, scales: [1.0, 1.0, 2.0, 2.0]), [1, 1, 8, 8],
      [1, 1, 3, 3, 5, 5, 8, 8, 1, 1, 3, 3, 5, 5, 8, 8, 11, 11, 15, 15, 19, 19, 23, 23, 11, 11, 15, 15, 19, 19, 23, 23, 27, 27, 32, 32, 36, 36, 42, 42, 27, 27, 32, 32, 36, 36, 42, 42, 47, 47, 52, 52, 58, 58, 64, 64, 47, 47, 52, 52, 58, 58, 64, 64]),
    resized("image/cubic", image, Resize(mode: .cubic, scales: [1.0, 1.0, 0.8, 1.5]), [1, 1, 3, 6],
      [1.689998, 2.7731323, 4.5339446, 5.7420101, 8.0376587, 9.6402693, 16.1483288, 18.4526978, 22.0263901, 24.2873802, 28.0123901, 30.4637661, 40.4079208, 42.8856773, 47.0045662, 49.9908791, 54.7537193, 57.8570061]),
    resized("image/linear/antialias", image, Resize(mode: .linear, antialias: true, scales: [1.0, 1.0, 0.6, 0.6]), [1, 1, 2, 2],
      [5.78125, 10.3888884, 29.6805534, 37.3580246]),
    resized("image/axes", image, Resize(mode: .linear, axes: [3, 2], sizes: [3, 5]), [1, 1, 5, 3],
      [1.3333334, 4, 7.5, 8.5666666, 13.1000004, 17.8833332, 19.75, 25.5, 31.666666, 33.8333321, 40.2999992, 47.5999985, 47.8333321, 55, 63]),
    resized("image/not-larger", image, Resize(aspectPolicy: .notLarger, axes: [2, 3], sizes: [7, 8]), [1, 1, 7, 7],
      [1, 1, 3, 3, 5, 8, 8, 1, 1, 3, 3, 5, 8, 8, 11, 11, 15, 15, 19, 23, 23, 11, 11, 15, 15, 19, 23, 23, 27, 27, 32, 32, 36, 42, 42, 47, 47, 52, 52, 58, 64, 64, 47, 47, 52, 52, 58, 64, 64]),
    resized("image/not-smaller", image, Resize(aspectPolicy: .notSmaller, axes: [2, 3], sizes: [7, 8]), [1, 1, 8, 8],
      [1, 1, 3, 3, 5, 5, 8, 8, 1, 1, 3, 3, 5, 5, 8, 8, 11, 11, 15, 15, 19, 19, 23, 23, 11, 11, 15, 15, 19, 19, 23, 23, 27, 27, 32, 32, 36, 36, 42, 42, 27, 27, 32, 32, 36, 36, 42, 42, 47, 47, 52, 52, 58, 58, 64, 64, 47, 47, 52, 52, 58, 58, 64, 64]),
    resized("image/crop", image, Resize(mode: .linear, coordinates: .tfCropAndResize, extrapolationValue: 9, sizes: [1, 1, 3, 3]), [1, 1, 3, 3],
      [11.125, 16.4375, 9, 22.375, 28.75, 9, 35.75, 43, 9], region: [0, 0, 0.25, 0.25, 1, 1, 0.75, 1.25]),
    resized("image/crop/nearest", image, Resize(coordinates: .tfCropAndResize, extrapolationValue: 9, sizes: [1, 1, 3, 3]), [1, 1, 3, 3],
      [15, 19, 9, 15, 19, 9, 32, 36, 9], region: [0, 0, 0.25, 0.25, 1, 1, 0.75, 1.25]),
  ]

  private static let doubled: [Double] = [1, 1, 5, 5, 2, 2, 8, 8, 3, 3]

  /// Sizes as operands, other element types, and nothing to resize.
  private static let variants: [OperatorCase] = [
    OperatorCase(
      "Resize/operand/scales", Resize(coordinates: .asymmetric, rounding: .floor),
      [line.value(), nil, Grid([1], [2]).value()], gives: [Grid([10], doubled).value()]),
    OperatorCase(
      "Resize/operand/sizes", Resize(coordinates: .asymmetric, rounding: .floor),
      [line.value(), nil, nil, Grid([1], [10]).value(.int64)], gives: [Grid([10], doubled).value()]),
    OperatorCase(
      "Resize/operand/empty-scales", Resize(coordinates: .asymmetric, rounding: .floor),
      [line.value(), Grid([0], []).value(), Grid([0], []).value(), Grid([1], [10]).value(.int64)],
      gives: [Grid([10], doubled).value()]),
    OperatorCase(
      "Resize/nearest/uint8", Resize(coordinates: .asymmetric, rounding: .floor, sizes: [10]),
      [line.value(.uint8)],
      gives: [Grid([10], doubled).value(.uint8)]),
    OperatorCase(
      "Resize/nearest/float16", Resize(coordinates: .asymmetric, rounding: .floor, sizes: [10]),
      [line.value(.float16)], gives: [Grid([10], doubled).value(.float16)]),
    OperatorCase(
      "Resize/linear/float64", Resize(mode: .linear, coordinates: .alignCorners, sizes: [9]),
      [line.value(.float64)],
      gives: [Grid([9], [1, 3, 5, 3.5, 2, 5, 8, 5.5, 3]).value(.float64)], .float32),
    OperatorCase("Resize/same", Resize(mode: .linear, sizes: [5]), [line.value()], gives: [line.value()]),
    OperatorCase("Resize/to-nothing", Resize(sizes: [0]), [line.value()], gives: [Grid([0], []).value()]),
    OperatorCase(
      "Resize/tf-half-pixel", Resize(coordinates: .tfHalfPixelForNN, rounding: .floor, sizes: [3]),
      [line.value()],
      gives: [Grid([3], [1, 2, 3]).value()]),
  ]
}
