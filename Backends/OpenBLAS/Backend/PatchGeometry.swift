import Kernels
import Operators
import Tensors

/// The numbers of a convolution over images; those with one spatial axis are images of one row.
struct PatchGeometry: Sendable {
  let rank: Int
  let images, groups: Int
  let inputs, outputs: Int
  let inputHeight, inputWidth, outputHeight, outputWidth: Int
  let kernelHeight, kernelWidth: Int
  let strideY, strideX, dilationY, dilationX, padTop, padLeft: Int
  let isChannelsLast, hasBias: Bool

  init(
    x: [Int], w: [Int], y: [Int], window: Window, groups: Int, isChannelsLast: Bool, hasBias: Bool
  ) {
    let isImage = x.count == 4
    func pair(_ values: [Int], _ missing: Int) -> (Int, Int) {
      isImage ? (values[0], values[1]) : (missing, values[0])
    }
    rank = x.count
    images = x[0]
    (inputs, outputs) = (x[1], y[1])
    self.groups = groups
    (inputHeight, inputWidth) = pair(Array(x[2...]), 1)
    (outputHeight, outputWidth) = pair(Array(y[2...]), 1)
    (kernelHeight, kernelWidth) = pair(window.kernel, 1)
    (strideY, strideX) = pair(window.strides, 1)
    (dilationY, dilationX) = pair(window.dilations, 1)
    (padTop, padLeft) = pair(window.padsBegin, 0)
    self.isChannelsLast = isChannelsLast
    self.hasBias = hasBias
  }

  var groupInputs: Int { inputs / groups }
  var groupOutputs: Int { outputs / groups }
  var inputArea: Int { inputHeight * inputWidth }
  var outputArea: Int { outputHeight * outputWidth }
  /// Elements of a patch.
  var depth: Int { groupInputs * kernelHeight * kernelWidth }

  /// The image is its own matrix of patches.
  var isDirect: Bool {
    kernelHeight == 1 && kernelWidth == 1 && strideY == 1 && strideX == 1 && padTop == 0 && padLeft == 0
      && inputHeight == outputHeight && inputWidth == outputWidth
  }

  /// Positions in 0..<count whose element position · stride + offset is inside 0..<size.
  static func inside(_ count: Int, stride: Int, offset: Int, size: Int) -> Swift.Range<Int> {
    let first = offset >= 0 ? 0 : (-offset + stride - 1) / stride
    let end = size > offset ? (size - offset + stride - 1) / stride : 0
    let low = min(first, count)
    return low..<max(low, min(end, count))
  }
}

/// Gathers the patches under some rows of the result: [K, P] for row-major images, [P, K] for channels-last
/// ones.
struct GatherWork: ParallelWork {
  let geometry: PatchGeometry
  let source: UnsafePointer<Float>
  let patches: UnsafeMutablePointer<Float>
  let row, rows: Int

  /// Row-major: one per channel, in runs; channels-last: one per row of the result.
  var chunks: Int { geometry.isChannelsLast ? rows : min(geometry.groupInputs, 16) }

  func run(chunk: Int) {
    if geometry.isChannelsLast {
      gatherPoints(row + chunk, into: patches + chunk * geometry.outputWidth * geometry.depth)
    } else {
      let count = geometry.groupInputs
      for channel in count * chunk / chunks..<count * (chunk + 1) / chunks { gatherChannel(channel) }
    }
  }

  private func gatherChannel(_ channel: Int) {
    let g = geometry
    let image = source + channel * g.inputArea
    var target = patches + channel * g.kernelHeight * g.kernelWidth * rows * g.outputWidth
    for kh in 0..<g.kernelHeight {
      for kw in 0..<g.kernelWidth {
        let offset = kw * g.dilationX - g.padLeft
        let columns = PatchGeometry.inside(
          g.outputWidth, stride: g.strideX, offset: offset, size: g.inputWidth)
        for r in row..<row + rows {
          let y = r * g.strideY + kh * g.dilationY - g.padTop
          if y < 0 || y >= g.inputHeight || columns.isEmpty {
            target.update(repeating: 0, count: g.outputWidth)
          } else {
            target.update(repeating: 0, count: columns.lowerBound)
            let line = image + y * g.inputWidth + offset
            if g.strideX == 1 {
              (target + columns.lowerBound).update(from: line + columns.lowerBound, count: columns.count)
            } else {
              for column in columns { target[column] = line[column * g.strideX] }
            }
            (target + columns.upperBound).update(repeating: 0, count: g.outputWidth - columns.upperBound)
          }
          target += g.outputWidth
        }
      }
    }
  }

  private func gatherPoints(_ row: Int, into target: UnsafeMutablePointer<Float>) {
    let g = geometry
    let channels = g.inputs
    var target = target
    for column in 0..<g.outputWidth {
      for kh in 0..<g.kernelHeight {
        let y = row * g.strideY + kh * g.dilationY - g.padTop
        for kw in 0..<g.kernelWidth {
          let x = column * g.strideX + kw * g.dilationX - g.padLeft
          if y < 0 || y >= g.inputHeight || x < 0 || x >= g.inputWidth {
            target.update(repeating: 0, count: channels)
          } else {
            target.update(from: source + (y * g.inputWidth + x) * channels, count: channels)
          }
          target += channels
        }
      }
    }
  }
}
