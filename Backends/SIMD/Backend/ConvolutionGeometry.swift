import Kernels
import Operators
import Tensors

/// A window over images: sizes of a convolution or pooling, 1-D as images of one row.
struct ImageWindow: Sendable {
  var batch, channels, height, width: Int
  var outChannels, outHeight, outWidth: Int
  var kernelHeight, kernelWidth: Int
  var strideY, strideX, dilationY, dilationX: Int
  var padTop, padLeft, padBottom, padRight: Int

  /// nil: not one or two spatial axes, or sizes that do not agree.
  init?(_ window: Window, input: [Int], output: [Int]) {
    let spatial = window.kernel.count
    guard spatial == 1 || spatial == 2, window.autoPad == .explicit, input.count == spatial + 2,
      output.count == spatial + 2, window.strides.count == spatial, window.dilations.count == spatial,
      window.padsBegin.count == spatial, window.padsEnd.count == spatial,
      (window.kernel + window.strides + window.dilations).allSatisfy({ $0 > 0 }),
      (window.padsBegin + window.padsEnd).allSatisfy({ $0 >= 0 })
    else { return nil }
    func vertical(_ values: [Int], _ none: Int) -> Int { spatial == 2 ? values[0] : none }
    batch = input[0]
    channels = input[1]
    height = spatial == 2 ? input[2] : 1
    width = input[spatial + 1]
    outChannels = output[1]
    outHeight = spatial == 2 ? output[2] : 1
    outWidth = output[spatial + 1]
    kernelHeight = vertical(window.kernel, 1)
    kernelWidth = window.kernel[spatial - 1]
    strideY = vertical(window.strides, 1)
    strideX = window.strides[spatial - 1]
    dilationY = vertical(window.dilations, 1)
    dilationX = window.dilations[spatial - 1]
    padTop = vertical(window.padsBegin, 0)
    padLeft = window.padsBegin[spatial - 1]
    padBottom = vertical(window.padsEnd, 0)
    padRight = window.padsEnd[spatial - 1]
  }

  var taps: Int { kernelHeight * kernelWidth }
  /// Rows and columns of the input that windows reach, from the padding on.
  var reachedHeight: Int { (outHeight - 1) * strideY + (kernelHeight - 1) * dilationY + 1 }
  var reachedWidth: Int { (outWidth - 1) * strideX + (kernelWidth - 1) * dilationX + 1 }
  /// Whether every window lies inside the image.
  var staysInside: Bool { padTop == 0 && padLeft == 0 && reachedHeight <= height && reachedWidth <= width }
  var outPixels: Int { outHeight * outWidth }

  // MARK: Row bands

  /// Rows of the input, counted through the batch, that `rows` of the output see.
  func inputRows(for rows: Interval) -> Interval {
    let (image, inside) = place(rows)
    guard !inside.isEmpty else { return image * height..<image * height }
    let first = min(max(inside.lowerBound * strideY - padTop, 0), height)
    let last = (inside.upperBound - 1) * strideY - padTop + (kernelHeight - 1) * dilationY
    return image * height + first..<image * height + min(max(last + 1, first), height)
  }

  /// The image of rows that are counted through the batch, and where in it they are.
  func place(_ rows: Interval) -> (image: Int, rows: Interval) {
    let image = rows.lowerBound / outHeight
    return (image, rows.lowerBound - image * outHeight..<rows.upperBound - image * outHeight)
  }
}
