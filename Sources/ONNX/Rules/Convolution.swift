import IR
import Operators
import Tensors

extension ImportRules {
  static let convolution: [ImportRule] = [
    ImportRule("Conv", inputs: 2...3) { n throws(Unsupported.Reason) in
      let window = try n.window(kernel: try n.kernel(ofWeights: 1), ofWeights: true)
      try n.add(Convolution(window: window, groups: try n.positive("group", default: 1)))
    },
    ImportRule("ConvTranspose", inputs: 2...3) { n throws(Unsupported.Reason) in
      let window = try n.window(kernel: try n.kernel(ofWeights: 1), ofWeights: true)
      let count = window.kernel.count
      let padding = try n.ints("output_padding")
      if let padding { try n.check("output_padding", padding, count: count, minimum: 0) }
      let shape = try n.ints("output_shape")
      if let shape { try n.check("output_shape", shape, count: count, minimum: 1) }
      try n.add(
        ConvTranspose(
          window: window, groups: try n.positive("group", default: 1), outputPadding: padding,
          outputShape: shape))
    },
  ]

  static let pooling: [ImportRule] = [
    ImportRule("MaxPool", inputs: 1...1, outputs: 1...2) { n throws(Unsupported.Reason) in
      let window = try n.window(dilates: n.version >= 10)
      let ceil = n.version >= 10 ? try n.flag("ceil_mode", default: false) : false
      let columnMajor = n.version >= 8 ? try n.flag("storage_order", default: false) : false
      try n.add(MaxPool(window: window, ceilMode: ceil, columnMajorIndices: columnMajor))
    },
    ImportRule("AveragePool", inputs: 1...1) { n throws(Unsupported.Reason) in
      let window = try n.window(dilates: n.version >= 19)
      let ceil = n.version >= 10 ? try n.flag("ceil_mode", default: false) : false
      let countsPads = n.version >= 7 ? try n.flag("count_include_pad", default: false) : false
      try n.add(AveragePool(window: window, ceilMode: ceil, countIncludePad: countsPads))
    },
    ImportRule("LpPool", inputs: 1...1) { n throws(Unsupported.Reason) in
      let p = n.version < 2 ? try n.real("p", default: 2) : Real(Double(try n.positive("p", default: 2)))
      let window = try n.window(dilates: n.version >= 18)
      let ceil = n.version >= 18 ? try n.flag("ceil_mode", default: false) : false
      try n.add(LpPool(window: window, p: try checkedPower(p), ceilMode: ceil))
    },
    ImportRule("GlobalLpPool", inputs: 1...1) { n throws(Unsupported.Reason) in
      let p = n.version < 2 ? try n.real("p", default: 2) : Real(Double(try n.positive("p", default: 2)))
      let rank = try n.requiredRank(0)
      if rank < 3 { throw .form("operand 0 has rank \(rank), expected at least 3") }
      let axes = Array(2..<rank)
      if p == 1 || p == 2 { return try n.add(Reduce(p == 1 ? .l1 : .l2, axes: axes)) }
      // (Σ |x|^p)^(1/p)
      let power = try n.constant(try checkedPower(p).value, like: 0, suffix: "p")
      let root = try n.constant(1 / p.value, like: 0, suffix: "root")
      let size = n.insert(Unary(.abs), n.inputs, suffix: "size")
      let raised = n.insert(Binary(.pow), [size, power], suffix: "power")
      let sum = n.insert(Reduce(.sum, axes: axes), [raised], suffix: "sum")
      try n.add(Binary(.pow), [sum, root])
    },
    ImportRule("MaxUnpool", since: 9, inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(MaxUnpool(window: try n.window(dilates: false)))
    },
    ImportRule("Col2Im", since: 18, inputs: 3...3) { n throws(Unsupported.Reason) in
      try n.add(
        Col2Im(strides: try n.ints("strides"), dilations: try n.ints("dilations"), pads: try n.ints("pads")))
    },
    ImportRule("GlobalAveragePool", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(GlobalAveragePool())
    },
    ImportRule("GlobalMaxPool", inputs: 1...1) { n throws(Unsupported.Reason) in try n.add(GlobalMaxPool()) },
  ]

  private static func checkedPower(_ p: Real) throws(Unsupported.Reason) -> Real {
    guard p.value > 0, p.value.isFinite else {
      throw .attribute(name: "p", expected: "a number above 0", found: p.text)
    }
    return p
  }

  static let linear: [ImportRule] = [
    ImportRule("Gemm", inputs: 2...3) { n throws(Unsupported.Reason) in
      // Opset 7 made broadcasting of C the rule; equal shapes broadcast too.
      if n.version < 7 { n.ignore("broadcast") }
      try n.add(
        Gemm(
          transA: try n.flag("transA", default: false), transB: try n.flag("transB", default: false),
          alpha: try n.real("alpha", default: 1), beta: try n.real("beta", default: 1)))
    },
    ImportRule("MatMul", inputs: 2...2) { n throws(Unsupported.Reason) in try n.add(MatMul()) },
  ]
}
