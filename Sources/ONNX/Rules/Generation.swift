import IR
import Operators
import Tensors

extension ImportRules {
  static let generation: [ImportRule] = [
    ImportRule("Shape", inputs: 1...1) { n throws(Unsupported.Reason) in
      guard n.version >= 15 else { return try n.add(Shape()) }
      try n.add(Shape(start: try n.int("start", default: 0), end: try n.optionalInt("end")))
    },
    ImportRule("Size", inputs: 1...1) { n throws(Unsupported.Reason) in try n.add(Size()) },
    ImportRule("Range", since: 11, inputs: 3...3) { n throws(Unsupported.Reason) in
      if n.version >= 27 { try n.require("stash_type", 1) }
      try n.add(Operators.Range())
    },
    ImportRule("ConstantOfShape", since: 9, inputs: 1...1) { n throws(Unsupported.Reason) in
      guard let value = try n.tensor("value")?.tensor else {
        return try n.add(ConstantOfShape(dataType: .float32, fill: .real(0)))
      }
      guard value.elementCount == 1, let codec = ElementCodec(value.dataType) else {
        throw .attribute(name: "value", expected: "one number", found: "\(value.type)")
      }
      let fill: Scalar = value.withBytes { bytes in
        value.dataType.isFloatingPoint
          ? .real(Real(codec.double(at: 0, in: bytes.base))) : .integer(codec.int64(at: 0, in: bytes.base))
      }
      try n.add(ConstantOfShape(dataType: value.dataType, fill: fill))
    },
    ImportRule("Constant", inputs: 0...0) { n throws(Unsupported.Reason) in try n.define(try constant(n)) },
  ]

  private static func constant(_ node: NodeContext) throws(Unsupported.Reason) -> TensorReader.Decoded {
    if let tensor = try node.tensor("value") { return tensor }
    if let value = node.attribute("sparse_value") {
      guard case .sparseTensor(let proto) = value else {
        throw node.mismatch("sparse_value", "SPARSE_TENSOR", value)
      }
      return try node.decoded("sparse_value") { () throws(TensorDecodeError) in
        try node.builder.session.tensors.decode(proto)
      }
    }
    if node.version >= 12 {
      for name in ["value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"]
      {
        guard let value = node.attribute(name) else { continue }
        guard let tensor = tensor(of: value) else { throw node.mismatch(name, "numbers or texts", value) }
        return TensorReader.Decoded(tensor: tensor, id: TensorReader.contentIdentity(of: tensor))
      }
    }
    throw .missingAttribute("value")
  }

  private static func tensor(of value: AttributeProto.Value) -> Tensor? {
    switch value {
    case .float(let number): try? Tensor(scalar: number)
    case .floats(let numbers): try? Tensor(numbers, sizes: [numbers.count])
    case .int(let number): try? Tensor(scalar: number)
    case .ints(let numbers): try? Tensor(numbers, sizes: [numbers.count])
    case .string(let text): try? Tensor(strings: [text], sizes: [])
    case .strings(let texts): try? Tensor(strings: texts, sizes: [texts.count])
    default: nil
    }
  }
}
