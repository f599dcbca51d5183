import IR
import Operators
import Tensors

extension ImportRules {
  static let resize: [ImportRule] = [
    ImportRule("Upsample", 1...6, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let height = try n.optionalReal("height_scale") else { throw .missingAttribute("height_scale") }
      guard let width = try n.optionalReal("width_scale") else { throw .missingAttribute("width_scale") }
      let mode = try n.word(
        "mode", default: "nearest", ["nearest": Resize.Mode.nearest, "bilinear": .linear])
      try n.add(asymmetric(mode, scales: [1, 1, height, width]))
    },
    ImportRule("Upsample", 7...8, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let value = n.attribute("scales") else { throw .missingAttribute("scales") }
      guard case .floats(let scales) = value else { throw n.mismatch("scales", "FLOATS", value) }
      try n.add(asymmetric(try upsampleMode(n), scales: scales.map { Real(Double($0)) }))
    },
    // Upsample 9 and Resize 10 are the same, and have the factors as an operand.
    ImportRule("Upsample", 9...9, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(asymmetric(try upsampleMode(n), scales: nil), [n.inputs[0], nil, n.inputs[1]])
    },
    ImportRule("Resize", 10...10, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(asymmetric(try upsampleMode(n), scales: nil), [n.inputs[0], nil, n.inputs[1]])
    },
    ImportRule("Resize", since: 11, inputs: 1...4) { n throws(Unsupported.Reason) in
      let axes = n.version >= 18 ? try n.ints("axes") : nil
      let antialias = n.version >= 18 ? try n.flag("antialias", default: false) : false
      let policy =
        n.version >= 18
        ? try n.word(
          "keep_aspect_ratio_policy", default: "stretch",
          ["stretch": Resize.AspectPolicy.stretch, "not_larger": .notLarger, "not_smaller": .notSmaller])
        : .stretch
      try n.add(
        Resize(
          mode: try n.word(
            "mode", default: "nearest", ["nearest": Resize.Mode.nearest, "linear": .linear, "cubic": .cubic]),
          coordinates: try coordinates(n),
          rounding: try n.word(
            "nearest_mode", default: "round_prefer_floor",
            [
              "round_prefer_floor": Resize.Rounding.roundPreferFloor, "round_prefer_ceil": .roundPreferCeil,
              "floor": .floor, "ceil": .ceil,
            ]),
          cubicCoefficient: try n.real("cubic_coeff_a", default: -0.75),
          excludeOutside: try n.flag("exclude_outside", default: false),
          extrapolationValue: try n.real("extrapolation_value", default: 0), antialias: antialias,
          aspectPolicy: policy, axes: axes))
    },
  ]

  private static func asymmetric(_ mode: Resize.Mode, scales: [Real]?) -> Resize {
    Resize(mode: mode, coordinates: .asymmetric, rounding: .floor, scales: scales)
  }

  private static func upsampleMode(_ node: NodeContext) throws(Unsupported.Reason) -> Resize.Mode {
    try node.word("mode", default: "nearest", ["nearest": Resize.Mode.nearest, "linear": .linear])
  }

  private static func coordinates(_ node: NodeContext) throws(Unsupported.Reason) -> Resize.Coordinates {
    try node.word(
      "coordinate_transformation_mode", default: "half_pixel",
      [
        "half_pixel": Resize.Coordinates.halfPixel, "half_pixel_symmetric": .halfPixelSymmetric,
        "pytorch_half_pixel": .pytorchHalfPixel, "align_corners": .alignCorners, "asymmetric": .asymmetric,
        "tf_crop_and_resize": .tfCropAndResize, "tf_half_pixel_for_nn": .tfHalfPixelForNN,
      ])
  }
}
