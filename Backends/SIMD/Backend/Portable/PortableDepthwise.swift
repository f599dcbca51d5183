import SIMDMicrokernels

/// Depthwise convolution of rows of one image in Swift's own vectors; the contract of `nt_kernels.depthwise`.
///
/// Weights come in blocks of 16 channels, which is the vector here.
func portableDepthwise(_ w: nt_window, rows: Range<Int>, steps: PortableSteps) {
  guard let input = w.input, let weights = w.weights, let output = w.output else { return }
  let taps = w.kernel_height * w.kernel_width
  let lower = SIMD16<Float>(repeating: w.epilogue.lower), upper = SIMD16<Float>(repeating: w.epilogue.upper)

  @inline(__always)
  func load(_ p: UnsafePointer<Float>, _ count: Int) -> SIMD16<Float> {
    if count == 16 { return UnsafeRawPointer(p).loadUnaligned(as: SIMD16<Float>.self) }
    var v = SIMD16<Float>(repeating: 0)
    for i in 0..<count { v[i] = p[i] }
    return v
  }

  for oy in rows {
    let top = oy * w.stride_y - w.pad_top
    for ox in 0..<w.out_width {
      let left = ox * w.stride_x - w.pad_left
      let pixel = output + oy * w.out_y + ox * w.out_x
      var channel = 0
      while channel < w.channels {
        let count = min(16, w.channels - channel)
        let block = weights + channel * taps
        var sum = w.epilogue.bias.map { load($0 + channel, count) } ?? SIMD16<Float>(repeating: 0)
        for ky in 0..<w.kernel_height {
          let y = top + ky * w.dilation_y
          if y < 0 || y >= w.in_height { continue }
          for kx in 0..<w.kernel_width {
            let x = left + kx * w.dilation_x
            if x < 0 || x >= w.in_width { continue }
            sum +=
              load(input + y * w.in_y + x * w.in_x + channel, count)
              * load(block + (ky * w.kernel_width + kx) * 16, 16)
          }
        }
        sum = sum.replacing(with: lower, where: sum .< lower)
        sum = sum.replacing(with: upper, where: sum .> upper)
        if count == 16 {
          UnsafeMutableRawPointer(pixel + channel).storeBytes(of: sum, as: SIMD16<Float>.self)
        } else {
          for i in 0..<count { pixel[channel + i] = sum[i] }
        }
        channel += 16
      }
    }
    if w.epilogue.step_count > 0 {
      withUnsafePointer(to: w.epilogue) {
        steps($0, output + oy * w.out_y, w.out_x, oy * w.out_width, w.out_width, 0, w.channels)
      }
    }
  }
}
