import Kernels
import Operators
import Tensors

extension Convolution: NaiveOperator {
  static let naiveName = "convolution"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let weights = try call.operand(1)
    let bias = try call.optional(2)
    guard x.rank >= 2, weights.rank == x.rank, groups > 0, weights.sizes[0] % groups == 0,
      try x.sizes[1] == multiplied(weights.sizes[1], groups),
      bias.map({ $0.sizes == [weights.sizes[0]] }) ?? true,
      weights.dataType == x.dataType, bias.map({ $0.dataType == x.dataType }) ?? true
    else { throw .malformed }
    let geometry = try WindowGeometry(
      window, input: Array(x.sizes.dropFirst(2)), kernel: Array(weights.sizes.dropFirst(2)))
    let y = try call.result(0, x.dataType, [x.sizes[0], weights.sizes[0]] + geometry.output)
    switch x.dataType {
    case .float32: try convolve(Float.self, x, weights, bias, into: y, geometry.flattened(), groups, call)
    case .float64: try convolve(Double.self, x, weights, bias, into: y, geometry.flattened(), groups, call)
    default: throw .notRepresentable
    }
  }
}

/// The direct method: every tap adds its weight times a shifted, strided plane.
private func convolve<T: FloatNumber>(
  _: T.Type, _ x: Tensor, _ weights: Tensor, _ bias: Tensor?, into y: Tensor, _ geometry: WindowGeometry,
  _ groups: Int, _ call: Evaluation
) throws(KernelFault) {
  let runs = try WindowRuns(geometry, call)
  let taps = try geometry.kernel.product
  let inputPlane = try geometry.input.product
  let outputPlane = try geometry.output.product
  let batch = x.sizes[0]
  // Channels without elements may be of any number.
  let inputs = runs.elementCount == 0 ? 0 : weights.sizes[1]
  let outputs = weights.sizes[0] / groups
  try call.takeProducts([batch, groups, outputs, inputs, runs.elementCount])
  try call.takeScratch(outputPlane)
  let xs = x.pointer(T.self)
  let ws = weights.pointer(T.self)
  let bs = bias?.pointer(T.self)
  let ys = y.pointer(T.self)
  withUnsafeTemporaryAllocation(of: Double.self, capacity: max(outputPlane, 1)) { sums in
    guard let sum = sums.baseAddress else { return }
    for n in 0..<batch {
      for oc in 0..<groups * outputs {
        sum.update(repeating: bs.map { $0[oc].real } ?? 0, count: outputPlane)
        for ic in 0..<inputs {
          let plane = xs + (n * groups * inputs + oc / outputs * inputs + ic) * inputPlane
          let kernel = ws + (oc * inputs + ic) * taps
          runs.forEach { run in
            add(plane + run.strided, runs.step, run.count, weight: kernel[run.tap].real, to: sum + run.dense)
          }
        }
        let target = ys + (n * groups * outputs + oc) * outputPlane
        for i in 0..<outputPlane { target[i] = T(real: sum[i]) }
      }
    }
  }
}

@inline(__always)
private func add<T: FloatNumber>(
  _ x: UnsafePointer<T>, _ step: Int, _ count: Int, weight: Double, to sum: UnsafeMutablePointer<Double>
) {
  if step == 1 {
    for i in 0..<count { sum[i] += weight * x[i].real }
  } else {
    for i in 0..<count { sum[i] += weight * x[i &* step].real }
  }
}

// MARK: - Transposed

extension ConvTranspose: NaiveOperator {
  static let naiveName = "convolution-transpose"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let weights = try call.operand(1)
    let bias = try call.optional(2)
    guard x.rank >= 2, weights.rank == x.rank, groups > 0, x.sizes[1] == weights.sizes[0],
      weights.sizes[0] % groups == 0, weights.dataType == x.dataType
    else { throw .malformed }
    let channels = weights.sizes[1].multipliedReportingOverflow(by: groups)
    guard !channels.overflow,
      bias.map({ $0.sizes == [channels.partialValue] && $0.dataType == x.dataType }) ?? true
    else { throw .malformed }
    let geometry = try transposedGeometry(
      input: Array(x.sizes.dropFirst(2)), kernel: Array(weights.sizes.dropFirst(2)))
    let y = try call.result(0, x.dataType, [x.sizes[0], channels.partialValue] + geometry.input)
    switch x.dataType {
    case .float32: try convolveTransposed(Float.self, x, weights, bias, into: y, geometry, groups, call)
    case .float64: try convolveTransposed(Double.self, x, weights, bias, into: y, geometry, groups, call)
    default: throw .notRepresentable
    }
  }

  /// Element i of the operand adds to i · stride + k · dilation − padding of the result.
  private func transposedGeometry(input: [Int], kernel: [Int]) throws(KernelFault) -> WindowGeometry {
    let rank = input.count
    let limit = 1 << 31
    guard kernel.count == rank, window.strides.count == rank, window.dilations.count == rank,
      window.padsBegin.count == rank, window.padsEnd.count == rank, outputPadding.count == rank,
      outputShape.map({ $0.count == rank }) ?? true,
      (window.strides + window.dilations + kernel).allSatisfy({ 1..<limit ~= $0 }),
      (window.padsBegin + window.padsEnd).allSatisfy({ -limit..<limit ~= $0 }),
      (input + outputPadding + (outputShape ?? [])).allSatisfy({ 0..<limit ~= $0 })
    else { throw .malformed }
    var begin = window.padsBegin
    var target: [Int] = []
    for axis in 0..<rank {
      let stride = window.strides[axis]
      let extent = (kernel[axis] - 1) * window.dilations[axis] + 1
      let full = max(input[axis] - 1, 0) * stride + outputPadding[axis] + (input[axis] > 0 ? extent : 0)
      var size = full - begin[axis] - window.padsEnd[axis]
      if let shape = outputShape {
        size = shape[axis]
      } else if window.autoPad == .sameUpper || window.autoPad == .sameLower {
        size = input[axis] * stride
      } else if window.autoPad == .valid {
        size = full
      }
      if outputShape != nil || window.autoPad != .explicit {
        // The odd element of padding goes to the end for sameUpper, else to the beginning.
        let total = max(full - size, 0)
        begin[axis] = window.autoPad == .sameUpper ? total / 2 : total - total / 2
      }
      if size < 0 { throw .malformed }
      target.append(size)
    }
    return WindowGeometry(
      kernel: kernel, strides: window.strides, dilations: window.dilations, padsBegin: begin,
      positions: input,
      target: target)
  }
}

private func convolveTransposed<T: FloatNumber>(
  _: T.Type, _ x: Tensor, _ weights: Tensor, _ bias: Tensor?, into y: Tensor, _ geometry: WindowGeometry,
  _ groups: Int, _ call: Evaluation
) throws(KernelFault) {
  let runs = try WindowRuns(geometry, call)
  let taps = try geometry.kernel.product
  let inputPlane = try geometry.output.product
  let outputPlane = try geometry.input.product
  let batch = x.sizes[0]
  let inputs = runs.elementCount == 0 ? 0 : weights.sizes[0] / groups
  let outputs = weights.sizes[1]
  try call.takeProducts([batch, groups, outputs, inputs, runs.elementCount])
  try call.takeScratch(outputPlane)
  let xs = x.pointer(T.self)
  let ws = weights.pointer(T.self)
  let bs = bias?.pointer(T.self)
  let ys = y.pointer(T.self)
  withUnsafeTemporaryAllocation(of: Double.self, capacity: max(outputPlane, 1)) { sums in
    guard let sum = sums.baseAddress else { return }
    for n in 0..<batch {
      for oc in 0..<groups * outputs {
        let group = oc / outputs
        sum.update(repeating: bs.map { $0[oc].real } ?? 0, count: outputPlane)
        for ic in group * inputs..<(group + 1) * inputs {
          let plane = xs + (n * groups * inputs + ic) * inputPlane
          let kernel = ws + (ic * outputs + oc % outputs) * taps
          runs.forEach { run in
            let weight = kernel[run.tap].real
            let from = plane + run.dense
            let to = sum + run.strided
            for i in 0..<run.count { to[i * runs.step] += weight * from[i].real }
          }
        }
        let target = ys + (n * groups * outputs + oc) * outputPlane
        for i in 0..<outputPlane { target[i] = T(real: sum[i]) }
      }
    }
  }
}
