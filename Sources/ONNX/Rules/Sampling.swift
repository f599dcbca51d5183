import IR
import Operators
import Tensors

extension ImportRules {
  static let sampling: [ImportRule] = [
    ImportRule("GridSample", since: 16, inputs: 2...2) { n throws(Unsupported.Reason) in
      // Opset 20 gave the modes names that suit any number of axes.
      let mode: GridSample.Mode =
        n.version < 20
        ? try n.word(
          "mode", default: "bilinear", ["bilinear": .linear, "bicubic": .cubic, "nearest": .nearest])
        : try n.word("mode", default: "linear", ["linear": .linear, "cubic": .cubic, "nearest": .nearest])
      let padding = try n.word(
        "padding_mode", default: "zeros",
        ["zeros": GridSample.Padding.zeros, "border": .border, "reflection": .reflection])
      try n.add(
        GridSample(mode: mode, padding: padding, alignCorners: try n.flag("align_corners", default: false)))
    },
    ImportRule("AffineGrid", since: 20, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(AffineGrid(alignCorners: try n.flag("align_corners", default: false)))
    },
    ImportRule("RoiAlign", since: 10, inputs: 3...3) { n throws(Unsupported.Reason) in
      let halfPixel =
        n.version >= 16
        ? try n.word(
          "coordinate_transformation_mode", default: "half_pixel",
          ["half_pixel": true, "output_half_pixel": false]) : false
      let samples = try n.int("sampling_ratio", default: 0)
      try n.check("sampling_ratio", [samples], count: 1, minimum: 0)
      try n.add(
        RoiAlign(
          mode: try n.word("mode", default: "avg", ["avg": RoiAlign.Mode.average, "max": .max]),
          height: try n.positive("output_height", default: 1),
          width: try n.positive("output_width", default: 1),
          samplingRatio: samples, scale: try n.real("spatial_scale", default: 1), halfPixel: halfPixel))
    },
    ImportRule("MaxRoiPool", inputs: 2...2) { n throws(Unsupported.Reason) in
      guard let sizes = try n.ints("pooled_shape") else { throw .missingAttribute("pooled_shape") }
      try n.check("pooled_shape", sizes, count: 2, minimum: 1)
      try n.add(MaxRoiPool(height: sizes[0], width: sizes[1], scale: try n.real("spatial_scale", default: 1)))
    },
    ImportRule("DeformConv", since: 19, inputs: 3...5) { n throws(Unsupported.Reason) in
      try n.add(
        DeformConv(
          window: try n.window(kernel: try n.kernel(ofWeights: 1), ofWeights: true),
          groups: try n.positive("group", default: 1),
          offsetGroups: try n.positive("offset_group", default: 1)))
    },
    ImportRule("NonMaxSuppression", since: 10, inputs: 2...5) { n throws(Unsupported.Reason) in
      try n.add(NonMaxSuppression(centerPointBox: try n.flag("center_point_box", default: false)))
    },
  ]

  static let losses: [ImportRule] = [
    ImportRule("NegativeLogLikelihoodLoss", since: 12, inputs: 2...3) { n throws(Unsupported.Reason) in
      try n.add(try loss(n))
    },
    // The loss of the logarithms of a softmax over the classes, which are a result, too.
    ImportRule("SoftmaxCrossEntropyLoss", since: 12, inputs: 2...3, outputs: 1...2) {
      n throws(Unsupported.Reason) in
      let loss = try loss(n)
      let logarithms = try n.add(LogSoftmax(axis: 1), [n.inputs[0]], makes: 1, suffix: "log_prob")
      _ = try n.add(loss, [logarithms] + n.inputs.dropFirst(), makes: 0, suffix: "loss")
    },
  ]

  private static func loss(_ node: NodeContext) throws(Unsupported.Reason) -> NegativeLogLikelihoodLoss {
    NegativeLogLikelihoodLoss(
      reduction: try node.word(
        "reduction", default: "mean",
        ["none": NegativeLogLikelihoodLoss.Reduction.none, "sum": .sum, "mean": .mean]),
      ignoredClass: try node.optionalInt("ignore_index"))
  }
}
