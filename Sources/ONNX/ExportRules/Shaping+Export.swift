import IR
import Operators
import Tensors

extension ExportRules {
  static let shaping: [ExportRule] = [
    rule(Reshape.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "Reshape", [n.input(0), try n.parameter(op.target, or: 1, suffix: "shape")],
        since: op.allowZero ? 14 : 5,
        [op.allowZero ? .flag("allowzero", true) : nil])
    },
    rule(Flatten.self) { (op, n) throws(Unwritable.Reason) in try n.emit("Flatten", [.int("axis", op.axis)])
    },
    rule(Squeeze.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Squeeze", [n.input(0), try n.parameter(op.axes, or: 1, suffix: "axes")], since: 13)
    },
    rule(Unsqueeze.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Unsqueeze", [n.input(0), try n.parameter(op.axes, or: 1, suffix: "axes")], since: 13)
    },
    rule(Transpose.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Transpose", [op.permutation.map { .ints("perm", $0) }])
    },
    rule(Expand.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Expand", [n.input(0), try n.parameter(op.target, or: 1, suffix: "shape")])
    },
    rule(Tile.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("Tile", [n.input(0), try n.parameter(op.repeats, or: 1, suffix: "repeats")])
    },
    rule(DepthToSpace.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "DepthToSpace", [.int("blocksize", op.blockSize), .text("mode", op.mode == .dcr ? "DCR" : "CRD")])
    },
    rule(SpaceToDepth.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "SpaceToDepth", since: op.mode == .dcr ? 1 : 28,
        [.int("blocksize", op.blockSize), op.mode == .dcr ? nil : .text("mode", "CRD")])
    },
  ]

  static let selection: [ExportRule] = [
    rule(Concat.self) { (op, n) throws(Unwritable.Reason) in try n.emit("Concat", [.int("axis", op.axis)]) },
    rule(Split.self) { (op, n) throws(Unwritable.Reason) in
      let sizes = try n.parameter(op.sizes, or: 1, suffix: "sizes")
      try n.emitAll(
        "Split", [n.input(0), sizes], since: sizes.isEmpty ? 18 : 13,
        [.int("axis", op.axis), sizes.isEmpty ? .int("num_outputs", n.node.outputs.count) : nil])
    },
    rule(Slice.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "Slice",
        [
          n.input(0), try n.parameter(op.starts, or: 1, suffix: "starts"),
          try n.parameter(op.ends, or: 2, suffix: "ends"), try n.parameter(op.axes, or: 3, suffix: "axes"),
          try n.parameter(op.steps, or: 4, suffix: "steps"),
        ])
    },
    rule(Pad.self) { (op, n) throws(Unwritable.Reason) in
      var value = n.input(2)
      if let fill = op.value {
        // What is missing counts as zero.
        value = fill == 0 ? "" : try n.scalar(fill.value, try n.dataType(0), suffix: "value")
      }
      let axes = try n.parameter(op.axes, or: 3, suffix: "axes")
      let mode: Int64 = op.mode == .wrap ? 19 : 11
      try n.emit(
        "Pad", [n.input(0), try n.parameter(op.pads, or: 1, suffix: "pads"), value, axes],
        since: max(mode, axes.isEmpty ? 11 : 18), [.text("mode", op.mode.rawValue)])
    },
    rule(Gather.self) { (op, n) throws(Unwritable.Reason) in try n.emit("Gather", [.int("axis", op.axis)]) },
    plain(NonZero.self),
    rule(Resize.self) { (op, n) throws(Unwritable.Reason) in try n.resize(op) },
  ]
}

extension ExportContext {
  private static let coordinates: [Resize.Coordinates: String] = [
    .halfPixel: "half_pixel", .halfPixelSymmetric: "half_pixel_symmetric",
    .pytorchHalfPixel: "pytorch_half_pixel",
    .alignCorners: "align_corners", .asymmetric: "asymmetric", .tfCropAndResize: "tf_crop_and_resize",
    .tfHalfPixelForNN: "tf_half_pixel_for_nn",
  ]
  private static let roundings: [Resize.Rounding: String] = [
    .roundPreferFloor: "round_prefer_floor", .roundPreferCeil: "round_prefer_ceil", .floor: "floor",
    .ceil: "ceil",
  ]
  private static let policies: [Resize.AspectPolicy: String] = [
    .stretch: "stretch", .notLarger: "not_larger", .notSmaller: "not_smaller",
  ]

  fileprivate func resize(_ op: Resize) throws(Unwritable.Reason) {
    guard let coordinates = Self.coordinates[op.coordinates], let rounding = Self.roundings[op.rounding],
      let policy = Self.policies[op.aspectPolicy]
    else { throw .form("a mode without a name") }
    let region = op.coordinates == .tfCropAndResize ? input(1) : ""
    var sizes = isEmpty(3) ? "" : try parameter(op.sizes, or: 3, suffix: "sizes")
    var scales = isEmpty(2) ? "" : input(2)
    if let factors = op.scales {
      guard let tensor = try? Tensor(factors.map(\.float), sizes: [factors.count]) else {
        throw .form("no scales")
      }
      scales = constant(tensor, suffix: "scales")
    }
    // A file may give one of both only; sizes say more.
    if !sizes.isEmpty, !scales.isEmpty { if op.sizes != nil || has(3) { scales = "" } else { sizes = "" } }
    let isNearest = op.mode == .nearest
    try emit(
      "Resize", [input(0), region, scales, sizes],
      since: op.coordinates == .halfPixelSymmetric
        ? 19 : op.axes != nil || op.antialias || op.aspectPolicy != .stretch ? 18 : 13,
      [
        .text("mode", op.mode.rawValue), .text("coordinate_transformation_mode", coordinates),
        isNearest ? .text("nearest_mode", rounding) : nil,
        op.mode == .cubic ? .real("cubic_coeff_a", op.cubicCoefficient) : nil,
        op.excludeOutside ? .flag("exclude_outside", true) : nil,
        op.coordinates == .tfCropAndResize ? .real("extrapolation_value", op.extrapolationValue) : nil,
        op.antialias ? .flag("antialias", true) : nil,
        op.aspectPolicy == .stretch ? nil : .text("keep_aspect_ratio_policy", policy),
        op.axes.map { .ints("axes", $0) },
      ])
  }
}
