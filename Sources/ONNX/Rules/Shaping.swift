import IR
import Operators
import Tensors

extension ImportRules {
  static let shaping: [ImportRule] = [
    ImportRule("Reshape", 1...4, inputs: 1...1) { n throws(Unsupported.Reason) in
      n.ignore("consumed_inputs")
      guard let target = try n.ints("shape") else { throw .missingAttribute("shape") }
      try n.add(Reshape(target: target))
    },
    ImportRule("Reshape", since: 5, inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(Reshape(allowZero: n.version >= 14 ? try n.flag("allowzero", default: false) : false))
    },
    ImportRule("Flatten", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Flatten(axis: try n.int("axis", default: 1)))
    },
    ImportRule("Squeeze", 1...12, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Squeeze(axes: try n.ints("axes")))
    },
    ImportRule("Squeeze", since: 13, inputs: 1...2) { n throws(Unsupported.Reason) in try n.add(Squeeze()) },
    ImportRule("Unsqueeze", 1...12, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let axes = try n.ints("axes") else { throw .missingAttribute("axes") }
      try n.add(Unsqueeze(axes: axes))
    },
    ImportRule("Unsqueeze", since: 13, inputs: 2...2) { n throws(Unsupported.Reason) in try n.add(Unsqueeze())
    },
    ImportRule("Transpose", inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(Transpose(permutation: try n.ints("perm")))
    },
    ImportRule("Expand", since: 8, inputs: 2...2) { n throws(Unsupported.Reason) in try n.add(Expand()) },
    ImportRule("Tile", 1...5, inputs: 3...3) { n throws(Unsupported.Reason) in
      // One axis and one count, both operands.
      guard let count = n.constantInts(1)?.first, let axis = n.constantInts(2)?.first else {
        throw .form("needs tiles and axis to be constants (opset < 6)")
      }
      let rank = try n.requiredRank(0)
      guard axis >= 0, axis < rank else { throw .form("axis \(axis) is outside of rank \(rank)") }
      var repeats = [Int](repeating: 1, count: rank)
      repeats[axis] = count
      try n.add(Tile(repeats: repeats), Array(n.inputs.prefix(1)))
    },
    ImportRule("Tile", since: 6, inputs: 2...2) { n throws(Unsupported.Reason) in try n.add(Tile()) },
    ImportRule("DepthToSpace", inputs: 1...1) { n throws(Unsupported.Reason) in
      let mode = try n.word("mode", default: "DCR", ["DCR": DepthToSpace.Mode.dcr, "CRD": .crd])
      try n.add(DepthToSpace(blockSize: try n.positive("blocksize"), mode: mode))
    },
    ImportRule("SpaceToDepth", inputs: 1...1) { n throws(Unsupported.Reason) in
      let mode: DepthToSpace.Mode =
        n.version >= 28 ? try n.word("mode", default: "DCR", ["DCR": .dcr, "CRD": .crd]) : .dcr
      try n.add(SpaceToDepth(blockSize: try n.positive("blocksize"), mode: mode))
    },
  ]

  static let selection: [ImportRule] = [
    ImportRule("Concat", 1...3, inputs: 1...Int.max) { n throws(Unsupported.Reason) in
      try concat(n, axis: try n.int("axis", default: 1))
    },
    ImportRule("Concat", since: 4, inputs: 1...Int.max) { n throws(Unsupported.Reason) in
      try concat(n, axis: try n.int("axis"))
    },
    ImportRule("Split", 1...12, inputs: 1...2, outputs: 1...Int.max) { n throws(Unsupported.Reason) in
      if n.version > 1, n.inputs.count > 1 { throw .inputCount(expected: 1...1, found: 2) }
      try n.add(Split(axis: try n.int("axis", default: 0), sizes: try n.ints("split")))
    },
    ImportRule("Split", since: 13, inputs: 1...2, outputs: 1...Int.max) { n throws(Unsupported.Reason) in
      if n.version >= 18, let parts = try n.optionalInt("num_outputs"), parts != n.outputs.count {
        throw .attribute(
          name: "num_outputs", expected: "\(n.outputs.count), as the node has outputs", found: "\(parts)")
      }
      try n.add(Split(axis: try n.int("axis", default: 0)))
    },
    ImportRule("Slice", 1...9, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let starts = try n.ints("starts") else { throw .missingAttribute("starts") }
      guard let ends = try n.ints("ends") else { throw .missingAttribute("ends") }
      if starts.count != ends.count {
        throw .attribute(name: "ends", expected: "\(starts.count) numbers", found: "\(ends.count)")
      }
      try n.add(Slice(starts: starts, ends: ends, axes: try n.ints("axes")))
    },
    ImportRule("Slice", since: 10, inputs: 3...5) { n throws(Unsupported.Reason) in try n.add(Slice()) },
    ImportRule("Pad", 1...10, inputs: 1...1) { n throws(Unsupported.Reason) in
      let name = n.version < 2 ? "paddings" : "pads"
      guard let pads = try n.ints(name) else { throw .missingAttribute(name) }
      let mode = try padMode(n)
      try n.add(Pad(mode: mode, pads: pads, value: try n.real("value", default: 0)))
    },
    ImportRule("Pad", since: 11, inputs: 2...4) { n throws(Unsupported.Reason) in
      if n.version < 18, n.inputs.count > 3 { throw .inputCount(expected: 2...3, found: n.inputs.count) }
      try n.add(Pad(mode: try padMode(n)))
    },
    ImportRule("Gather", inputs: 2...2) { n throws(Unsupported.Reason) in
      try n.add(Gather(axis: try n.int("axis", default: 0)))
    },
    ImportRule("NonZero", since: 9, inputs: 1...1) { n throws(Unsupported.Reason) in try n.add(NonZero()) },
  ]

  private static func concat(_ node: NodeContext, axis: Int) throws(Unsupported.Reason) {
    if node.inputs.contains(nil) { throw .form("an operand is left empty") }
    try node.add(Concat(axis: axis))
  }

  private static func padMode(_ node: NodeContext) throws(Unsupported.Reason) -> Pad.Mode {
    let mode = try node.word(
      "mode", default: "constant",
      ["constant": Pad.Mode.constant, "reflect": .reflect, "edge": .edge, "wrap": .wrap])
    if mode == .wrap, node.version < 19 {
      throw .attribute(name: "mode", expected: "constant, reflect or edge", found: "wrap")
    }
    return mode
  }
}
