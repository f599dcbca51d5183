import IR
import Operators
import Tensors

extension ImportRules {
  static let quantization: [ImportRule] = [
    ImportRule("QuantizeLinear", since: 10, inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(
        QuantizeLinear(
          axis: n.version >= 13 ? try n.int("axis", default: 1) : 1,
          blockSize: n.version >= 21 ? try n.int("block_size", default: 0) : 0,
          to: n.version >= 21 ? try n.elementType("output_dtype") : nil,
          saturate: n.version >= 19 ? try n.flag("saturate", default: true) : true,
          precision: n.version >= 23 ? try n.elementType("precision") : nil))
    },
    ImportRule("DequantizeLinear", since: 10, inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(
        DequantizeLinear(
          axis: n.version >= 13 ? try n.int("axis", default: 1) : 1,
          blockSize: n.version >= 21 ? try n.int("block_size", default: 0) : 0,
          to: n.version >= 23 ? try n.elementType("output_dtype") : nil))
    },
    ImportRule("DynamicQuantizeLinear", since: 11, inputs: 1...1, outputs: 1...3) {
      n throws(Unsupported.Reason) in
      try n.add(DynamicQuantizeLinear())
    },
    ImportRule("MatMulInteger", since: 10, inputs: 2...4) { n throws(Unsupported.Reason) in
      try n.add(MatMulInteger())
    },
    ImportRule("QLinearMatMul", since: 10, inputs: 8...8) { n throws(Unsupported.Reason) in
      try n.add(QLinearMatMul())
    },
    ImportRule("ConvInteger", since: 10, inputs: 2...4) { n throws(Unsupported.Reason) in
      let window = try n.window(kernel: try n.kernel(ofWeights: 1), ofWeights: true)
      try n.add(ConvInteger(window: window, groups: try n.positive("group", default: 1)))
    },
    ImportRule("QLinearConv", since: 10, inputs: 8...9) { n throws(Unsupported.Reason) in
      let window = try n.window(kernel: try n.kernel(ofWeights: 3), ofWeights: true)
      try n.add(QLinearConv(window: window, groups: try n.positive("group", default: 1)))
    },
  ]
}
