import IR
import Tensors

// Arithmetic on constants, as recipes: computed in double precision and rounded once.
extension Constant {
  /// A constant of the same element type whose elements follow from those of `sources`.
  static func computed(
    _ text: String, from sources: [Constant], dataType: DataType, sizes: [Int],
    _ body: @escaping @Sendable ([[Double]]) -> [Double]
  ) throws(GraphError) -> Constant {
    try derived(text, from: sources, type: TensorType(dataType, sizes: sizes)) {
      (tensors) throws(GraphError) in
      try tensorial { () throws(TensorError) in
        var values: [[Double]] = []
        for tensor in tensors { values.append(try tensor.doubles()) }
        return try Tensor.fromDoubles(body(values), dataType: dataType, sizes: sizes)
      }
    }
  }

  /// The same elements under other sizes.
  func reshaped(to sizes: [Int]) throws(GraphError) -> Constant {
    let from = type.dataType
    return try Constant.derived("reshape \(sizes)", from: [self], type: TensorType(from, sizes: sizes)) {
      (tensors) throws(GraphError) in
      try tensorial { () throws(TensorError) in
        try tensors[0].reordered(to: .rowMajor(from)).reshaped(to: sizes)
      }
    }
  }

  /// The elements moved as `Transpose` does, one way or another.
  func transposed(_ permutation: [Int]) throws(GraphError) -> Constant {
    guard let sizes = type.sizes, sizes.count == permutation.count else {
      throw GraphError(.malformed("a transposition of another rank"))
    }
    let type = TensorType(type.dataType, sizes: permutation.map { sizes[$0] })
    return try Constant.derived("transpose \(permutation)", from: [self], type: type) {
      (tensors) throws(GraphError) in
      try tensorial { () throws(TensorError) in
        let moved = try tensors[0].reordered(to: Format(storage: type.dataType, layout: .order(permutation)))
        return try Tensor(
          dataType: type.dataType, sizes: permutation.map { sizes[$0] }, storage: moved.storage,
          byteOffset: moved.byteOffset)
      }
    }
  }

  /// Every element times the scale at its position along `axis`.
  func scaled(by scale: Constant, along axis: Int) throws(GraphError) -> Constant {
    guard let sizes = type.sizes else { throw GraphError(.malformed("a constant of unknown sizes")) }
    let inner = sizes[(axis + 1)...].reduce(1, *)
    let count = sizes[axis]
    return try scaled(by: scale, "scale axis \(axis)", along: inner) { $0 % count }
  }

  /// Runs of `length` elements, each times the scale that `channel` gives for the index of the run.
  func scaled(
    by scale: Constant, _ text: String, along length: Int, channel: @escaping @Sendable (Int) -> Int
  )
    throws(GraphError)
    -> Constant
  {
    let length = max(1, length)
    guard let sizes = type.sizes else { throw GraphError(.malformed("a constant of unknown sizes")) }
    if type.dataType != .float32 {
      return try Constant.computed(text, from: [self, scale], dataType: type.dataType, sizes: sizes) {
        values in
        values[0].enumerated().map { $1 * values[1][channel($0 / length)] }
      }
    }
    // A product of two floats is rounded the same in single precision; weights are long.
    return try Constant.derived(text, from: [self, scale], type: type) { (tensors) throws(GraphError) in
      try tensorial { () throws(TensorError) in
        var elements = try tensors[0].floats()
        let factors = try tensors[1].floats()
        elements.withUnsafeMutableBufferPointer { elements in
          for start in stride(from: 0, to: elements.count, by: length) {
            let factor = factors[channel(start / length)]
            for i in start..<min(start + length, elements.count) { elements[i] *= factor }
          }
        }
        return try Tensor(elements, sizes: sizes)
      }
    }
  }

  /// The elements of a constant small enough to look at.
  var smallValues: [Double]? {
    guard let sizes = type.sizes, let count = try? Tensor.elementCount(of: sizes), count <= 1 << 16,
      let tensor = try? tensor()
    else { return nil }
    return try? tensor.doubles()
  }

  static func filled(_ value: Double, dataType: DataType, sizes: [Int]) throws(GraphError) -> Constant {
    try tensorial { () throws(TensorError) in
      let count = try Tensor.elementCount(of: sizes)
      let tensor = try Tensor.fromDoubles(
        [Double](repeating: value, count: count), dataType: dataType, sizes: sizes)
      return Constant(id: ConstantID(of: "fill \(Real(value).text) \(dataType.rawValue)\(sizes)"), tensor)
    }
  }
}
