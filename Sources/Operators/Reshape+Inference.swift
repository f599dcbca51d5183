import IR
import Tensors

extension Reshape {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(target == nil ? 2...2 : 1...2)
    let x = try context.tensor(0)
    if target == nil { _ = try context.tensor(1, of: ElementTypes.indices) }
    let wantedShape = try context.parameter(target, or: 1)
    guard let x else { return [.unknown] }
    guard let wantedShape else {
      let rank = context.parameterCount(1)
      guard let rank else { return [.tensor(x.dataType, nil)] }
      return [.tensor(x.dataType, try context.unknownSizes(rank))]
    }
    return [.tensor(x.dataType, try shape(of: x.shape, wantedShape) { context.fresh($0) })]
  }

  /// The sizes of the result for an operand of `sizes`; `target` must be given.
  package func resolvedTarget(sizes: [Int]) throws(GraphError) -> [Int] {
    guard let target else { throw GraphError(.attribute("target", expected: "numbers", found: "nothing")) }
    return try numbers(try shape(of: dimensions(sizes), dimensions(target)) { Dimension($0) })
  }

  /// `unknown` gives a size for an axis that does not follow, when the operand's rank is unknown.
  func shape(of x: [Dimension]?, _ target: [Dimension], unknown: (Int) -> Dimension) throws(GraphError)
    -> [Dimension]
  {
    var result: [Dimension] = []
    var inferred: Int?
    for (axis, size) in target.enumerated() {
      switch size.fixed {
      case .some(-1):
        if inferred != nil || (allowZero && target.contains(0)) {
          throw GraphError(.attribute("shape", expected: "one -1 that can be found", found: "\(target)"))
        }
        inferred = axis
        result.append(1)
      case .some(0) where !allowZero:
        guard let x else {
          result.append(unknown(axis))
          continue
        }
        guard axis < x.count else {
          throw GraphError(.attribute("shape", expected: "0 on axes of the operand only", found: "\(target)"))
        }
        result.append(x[axis])
      case .some(let number) where number < 0:
        throw GraphError(.attribute("shape", expected: "sizes, 0 or -1", found: "\(target)"))
      default: result.append(size)
      }
    }
    guard let x else {
      if let inferred { result[inferred] = unknown(inferred) }
      return result
    }
    let total = try product(x)
    let others = try product(result)
    if let inferred {
      if others.fixed == 0 {
        throw GraphError(.attribute("shape", expected: "one -1 that can be found", found: "\(target)"))
      }
      if let n = total.fixed, let m = others.fixed, n % m != 0 {
        throw GraphError(.attribute("shape", expected: "a divisor of \(n) elements", found: "\(target)"))
      }
      result[inferred] = try sized { () throws(SizeOverflow) in try Dimension.floor(total, others) }
    } else if let n = total.fixed, let m = others.fixed, n != m {
      throw GraphError(.attribute("shape", expected: "\(n) elements", found: "\(target)"))
    }
    return result
  }
}

extension InferenceContext {
  /// Sizes of which only the number is known. Throws when that is absurd.
  func unknownSizes(_ rank: Int) throws(GraphError) -> [Dimension] {
    if rank > Tensor.rankLimit { throw GraphError(.budget("rank \(rank)")) }
    return (0..<max(rank, 0)).map { fresh($0) }
  }
}

extension Flatten {
  package func inferTypes(_ context: InferenceContext) throws(GraphError) -> [ValueType] {
    try context.expect(1...1)
    guard let x = try context.tensor(0) else { return [.unknown] }
    guard let shape = x.shape else { return [.tensor(x.dataType, [context.fresh(0), context.fresh(1)])] }
    let axis = try splitAxis(rank: shape.count)
    return [.tensor(x.dataType, [try product(shape[..<axis]), try product(shape[axis...])])]
  }

  /// The sizes of the matrix.
  package func resolvedSizes(_ sizes: [Int]) throws(GraphError) -> [Int] {
    let axis = try splitAxis(rank: sizes.count)
    let shape = dimensions(sizes)
    return try numbers([try product(shape[..<axis]), try product(shape[axis...])])
  }

  private func splitAxis(rank: Int) throws(GraphError) -> Int {
    if axis == rank { return rank }
    return rank == 0 && axis == 0 ? 0 : try resolved(axis: axis, rank: rank)
  }
}
