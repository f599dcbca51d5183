import Tensors

// Constants of the text form, and their seeded elements.
extension GraphParser {
  /// `float32[2,3] id 1f [1, 2, 3, 4, 5, 6]`, the identity or the elements or both.
  mutating func constant(named name: String) throws(GraphError) -> Constant {
    guard case .tensor(let type) = try valueType(depth: 0), let sizes = type.sizes,
      let count = try? Tensor.elementCount(of: sizes)
    else { throw error("a constant is a tensor of fixed sizes") }
    var id: ConstantID?
    if takeWord("id") {
      let digits = try word()
      guard digits.utf8.count <= 32 else { throw error("an identity has at most 32 digits") }
      let padded = String(repeating: "0", count: 32 - digits.utf8.count) + digits
      guard let high = UInt64(padded.prefix(16), radix: 16), let low = UInt64(padded.suffix(16), radix: 16)
      else {
        throw error("an identity is a hexadecimal number, found \(digits)")
      }
      id = ConstantID(high: high, low: low)
    }
    guard peek() == UInt8(ascii: "[") else {
      let id = id ?? ConstantID(of: "constant \(name)")
      if let known = constants[id] {
        guard known.type == type else { throw error("the constant \(name) is \(known.type), not \(type)") }
        return known
      }
      return Constant(
        id: id, type: type,
        recipe: .computed { () throws(GraphError) in
          try seeded(type.dataType, sizes: sizes, values: smallIntegers(count: count, seed: id.high ^ id.low))
        })
    }
    var words: [String] = []
    try expect("[")
    while !take("]") {
      words.append(try word())
      if !take(","), peek() != UInt8(ascii: "]") { throw error("expected , or ]") }
    }
    guard words.count == count else { throw error("\(type) has \(count) elements, found \(words.count)") }
    let tensor = try elements(words, type.dataType, sizes)
    return Constant(id: id ?? ConstantID(of: "\(type) \(words)"), tensor)
  }

  private func elements(_ words: [String], _ dataType: DataType, _ sizes: [Int]) throws(GraphError) -> Tensor
  {
    func parsed<T: TensorElement>(_ convert: (String) -> T?) throws(GraphError) -> Tensor {
      let values = words.compactMap(convert)
      guard values.count == words.count, let tensor = try? Tensor(values, sizes: sizes) else {
        throw error("elements are not all \(dataType.rawValue)")
      }
      return tensor
    }
    switch dataType {
    case .float32: return try parsed { Float($0) }
    case .float64: return try parsed { Double($0) }
    case .int64: return try parsed { Int64($0) }
    case .int32: return try parsed { Int32($0) }
    case .int16: return try parsed { Int16($0) }
    case .int8: return try parsed { Int8($0) }
    case .uint64: return try parsed { UInt64($0) }
    case .uint32: return try parsed { UInt32($0) }
    case .uint16: return try parsed { UInt16($0) }
    case .uint8: return try parsed { UInt8($0) }
    case .bool: return try parsed { Bool($0) }
    default: throw error("elements of type \(dataType.rawValue) have no text")
    }
  }
}

/// Integers from −4 to 4 that follow from the seed, by SplitMix64.
private func smallIntegers(count: Int, seed: UInt64) -> [Int8] {
  var state = seed
  return (0..<count).map { _ in
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int8(truncatingIfNeeded: Int((z ^ (z >> 31)) % 9) - 4)
  }
}

private func seeded(_ dataType: DataType, sizes: [Int], values: [Int8]) throws(GraphError) -> Tensor {
  func made<T: TensorElement>(_ convert: (Int8) -> T) -> Tensor? {
    try? Tensor(values.map(convert), sizes: sizes)
  }
  let tensor: Tensor? =
    switch dataType {
    case .float32: made { Float($0) }
    case .float64: made { Double($0) }
    case .int64: made { Int64($0) }
    case .int32: made { Int32($0) }
    case .int16: made { Int16($0) }
    case .int8: made { $0 }
    case .uint64: made { UInt64($0.magnitude) }
    case .uint32: made { UInt32($0.magnitude) }
    case .uint16: made { UInt16($0.magnitude) }
    case .uint8: made { $0.magnitude }
    case .bool: made { $0 > 0 }
    default: nil
    }
  guard let tensor else {
    throw GraphError(.malformed("no elements were given for a \(dataType.rawValue) constant"))
  }
  return tensor
}
