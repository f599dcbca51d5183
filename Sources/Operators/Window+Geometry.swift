import IR
import Tensors

extension Window {
  /// Throws when the attributes do not fit each other, `rank` spatial axes, or the numbers they may be.
  package func check(spatialRank rank: Int) throws(GraphError) {
    try checkAttribute("kernel_shape", kernel, count: rank, atLeast: 1)
    try checkAttribute("strides", strides, count: rank, atLeast: 1)
    try checkAttribute("dilations", dilations, count: rank, atLeast: 1)
    try checkAttribute("pads", padsBegin, count: rank, atLeast: 0)
    try checkAttribute("pads", padsEnd, count: rank, atLeast: 0)
    for i in 0..<rank { _ = try extent(i) }
  }

  /// The span of the dilated kernel along one axis: (kernel − 1) · dilation + 1.
  package func extent(_ i: Int) throws(GraphError) -> Int {
    let (span, overflow) = (kernel[i] - 1).multipliedReportingOverflow(by: dilations[i])
    if overflow || span > Window.limit { throw GraphError(.sizeOverflow) }
    return span + 1
  }

  /// Attributes beyond this are refused, so that sums of a few of them never overflow.
  static let limit = 1 << 40

  /// The window with its padding as numbers, for an operand of these spatial sizes.
  ///
  /// `sameUpper` and `sameLower` make ⌈size ÷ stride⌉ positions; the odd element goes to the end or to the
  /// begin.
  package func resolved(for sizes: [Int]) throws(GraphError) -> Window {
    try check(spatialRank: sizes.count)
    if sizes.contains(where: { $0 < 0 || $0 > 1 << 60 }) { throw GraphError(.sizeOverflow) }
    if autoPad == .explicit { return self }
    var window = self
    window.autoPad = .explicit
    for i in sizes.indices {
      window.padsBegin[i] = 0
      window.padsEnd[i] = 0
      if autoPad == .valid { continue }
      let extent = try extent(i)
      let positions = sizes[i] / strides[i] + (sizes[i] % strides[i] == 0 ? 0 : 1)
      let total = max(0, max(0, positions - 1) * strides[i] + extent - sizes[i])
      window.padsBegin[i] = autoPad == .sameUpper ? total / 2 : total - total / 2
      window.padsEnd[i] = total - window.padsBegin[i]
    }
    return window
  }

  /// The number of positions along each axis. `sizes` are spatial. With `ceilMode` a last window that would
  /// start in the padding at the end is dropped.
  package func outputSizes(for sizes: [Int], ceilMode: Bool = false) throws(GraphError) -> [Int] {
    try numbers(try outputShape(for: dimensions(sizes), ceilMode: ceilMode))
  }

  /// The same for symbolic sizes. Throws when the kernel is larger than a padded size that is known.
  package func outputShape(for shape: [Dimension], ceilMode: Bool = false) throws(GraphError) -> [Dimension] {
    try check(spatialRank: shape.count)
    var result: [Dimension] = []
    for (i, size) in shape.enumerated() {
      let stride = Dimension(strides[i])
      if autoPad == .sameUpper || autoPad == .sameLower {
        result.append(try sized { () throws(SizeOverflow) in try Dimension.ceil(size, stride) })
        continue
      }
      let begin = autoPad == .valid ? 0 : padsBegin[i]
      let end = autoPad == .valid ? 0 : padsEnd[i]
      let extent = try extent(i)
      let span = try sized { () throws(SizeOverflow) in try size + Dimension(begin + end - extent) }
      if let span = span.fixed, span < 0 {
        throw GraphError(
          .attribute(
            "kernel_shape", expected: "at most the padded size \(span + extent) on spatial axis \(i)",
            found: "\(extent)"))
      }
      result.append(
        try sized { () throws(SizeOverflow) in
          if !ceilMode || autoPad == .valid { return try Dimension.floor(span, stride) + Dimension(1) }
          let all = try Dimension.ceil(span, stride) + Dimension(1)
          // No window can start in the end's padding when it and a stride are within the kernel.
          if end + strides[i] <= extent { return all }
          return try Dimension.minimum(all, Dimension.ceil(size + Dimension(begin), stride))
        })
    }
    return result
  }
}

/// Throws unless `values` are `count` numbers that are at least `minimum` and not absurdly large.
func checkAttribute(_ name: String, _ values: [Int], count: Int, atLeast minimum: Int) throws(GraphError) {
  if values.count != count {
    throw GraphError(.attribute(name, expected: "\(count) numbers", found: "\(values)"))
  }
  if let bad = values.first(where: { $0 < minimum || $0 > Window.limit }) {
    throw GraphError(.attribute(name, expected: "numbers from \(minimum)", found: "\(bad)"))
  }
}

extension ConvTranspose {
  /// The window with its padding as numbers and the spatial sizes of the result, for an operand of these
  /// spatial sizes.
  package func resolved(for sizes: [Int]) throws(GraphError) -> (window: Window, outputSizes: [Int]) {
    let outputs = try numbers(try outputShape(for: dimensions(sizes)))
    var window = window
    window.autoPad = .explicit
    for i in sizes.indices {
      if self.window.autoPad == .valid && outputShape == nil {
        window.padsBegin[i] = 0
        window.padsEnd[i] = 0
      } else if self.window.autoPad != .explicit || outputShape != nil {
        let full = try spread(i, sizes[i])
        let total = max(0, full - outputs[i])
        window.padsBegin[i] = self.window.autoPad == .sameUpper ? total / 2 : total - total / 2
        window.padsEnd[i] = total - window.padsBegin[i]
      }
    }
    return (window, outputs)
  }

  /// Result size along one axis before padding is cut: stride · (size − 1) + extent + outputPadding.
  private func spread(_ i: Int, _ size: Int) throws(GraphError) -> Int {
    let extent = try window.extent(i)
    let (steps, overflow) = (size - 1).multipliedReportingOverflow(by: window.strides[i])
    if overflow || steps > Window.limit { throw GraphError(.sizeOverflow) }
    return steps + extent + outputPadding[i]
  }

  /// The spatial sizes of the result.
  package func outputShape(for shape: [Dimension]) throws(GraphError) -> [Dimension] {
    try window.check(spatialRank: shape.count)
    try checkAttribute("output_padding", outputPadding, count: shape.count, atLeast: 0)
    if let outputShape {
      try checkAttribute("output_shape", outputShape, count: shape.count, atLeast: 0)
      return dimensions(outputShape)
    }
    var result: [Dimension] = []
    for (i, size) in shape.enumerated() {
      let extent = try window.extent(i)
      let stride = Dimension(window.strides[i])
      let padding = outputPadding[i]
      let output = try sized { () throws(SizeOverflow) in
        switch window.autoPad {
        case .sameUpper, .sameLower: try size * stride
        case .valid: try (size - Dimension(1)) * stride + Dimension(extent + padding)
        case .explicit:
          try (size - Dimension(1)) * stride
            + Dimension(extent + padding - window.padsBegin[i] - window.padsEnd[i])
        }
      }
      if let size = output.fixed, size < 0 {
        throw GraphError(.attribute("pads", expected: "less than the result", found: "a result of \(size)"))
      }
      result.append(output)
    }
    return result
  }
}
