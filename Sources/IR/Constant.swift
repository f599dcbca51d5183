import Tensors

/// A value known at compile time: an identity, a type and a recipe whose bytes exist only while somebody
/// holds them.
package final class Constant: Sendable {
  package enum Recipe: Sendable {
    case stored(Tensor)
    case computed(@Sendable () throws(GraphError) -> Tensor)
    /// A function of other constants, evaluated when somebody asks. Use `Constant.derived` to make one.
    case derived(from: [Constant], @Sendable ([Tensor]) throws(GraphError) -> Tensor)
  }

  package let id: ConstantID
  package let type: TensorType
  package let recipe: Recipe
  /// Derivations below this one; bounded by `depthLimit`.
  package let depth: Int

  package init(id: ConstantID, type: TensorType, recipe: Recipe) {
    self.id = id
    self.type = type
    self.recipe = recipe
    if case .derived(let sources, _) = recipe {
      depth = 1 + (sources.map(\.depth).max() ?? 0)
    } else {
      depth = 0
    }
  }

  package convenience init(id: ConstantID, _ tensor: Tensor) {
    self.init(id: id, type: tensor.type, recipe: .stored(tensor))
  }

  package func tensor() throws(GraphError) -> Tensor {
    switch recipe {
    case .stored(let tensor): return tensor
    case .computed(let make): return try make()
    case .derived: return try evaluate()
    }
  }

  /// Its identity, and those of all that it is derived from.
  package var lineage: Set<ConstantID> {
    var order: [Constant] = []
    var uses: [ObjectIdentifier: Int] = [:]
    collect(into: &order, counting: &uses)
    return Set(order.map(\.id))
  }

  /// Bytes of its elements; nil where they do not fit.
  package var byteCount: Int? {
    type.sizes.flatMap { try? Tensor.elementCount(of: $0) }.flatMap(type.dataType.byteCount)
  }

  package var stored: Tensor? {
    if case .stored(let tensor) = recipe { return tensor }
    return nil
  }
}

extension Constant {
  /// Results of at most this many bytes are computed at once and stored.
  package static let storedLimit = 4096
  /// Longer chains of recipes are computed at once: neither evaluation nor release may run out of stack.
  package static let depthLimit = 48

  /// The result of `transform` applied to other constants, as a recipe, or stored when it is small. Its
  /// identity follows from `text` and theirs. Throws only what an evaluation at once throws.
  package static func derived(
    _ text: String, from sources: [Constant], type: TensorType,
    _ transform: @escaping @Sendable ([Tensor]) throws(GraphError) -> Tensor
  ) throws(GraphError) -> Constant {
    let recipe = Constant(
      id: ConstantID(of: text, sources.map(\.id)), type: type, recipe: .derived(from: sources, transform))
    guard recipe.depth > depthLimit || (recipe.byteCount ?? .max) <= storedLimit else { return recipe }
    return Constant(id: recipe.id, type: type, recipe: .stored(try recipe.tensor()))
  }

  /// Each constant below this one is made once, however often it is used, and dropped after its last use.
  private func evaluate() throws(GraphError) -> Tensor {
    var order: [Constant] = []
    var uses: [ObjectIdentifier: Int] = [ObjectIdentifier(self): 1]
    collect(into: &order, counting: &uses)
    var made: [ObjectIdentifier: Tensor] = [:]
    for constant in order {
      guard case .derived(let sources, let transform) = constant.recipe else {
        made[ObjectIdentifier(constant)] = try constant.tensor()
        continue
      }
      var operands: [Tensor] = []
      for source in sources {
        guard let operand = made[ObjectIdentifier(source)] else {
          throw GraphError(.malformed("a constant is needed before it is made"))
        }
        operands.append(operand)
      }
      made[ObjectIdentifier(constant)] = try transform(operands)
      operands = []
      for source in sources {
        uses[ObjectIdentifier(source), default: 0] -= 1
        if uses[ObjectIdentifier(source)] == 0 { made[ObjectIdentifier(source)] = nil }
      }
    }
    guard let tensor = made[ObjectIdentifier(self)] else {
      throw GraphError(.malformed("a constant was not made"))
    }
    return tensor
  }

  /// Adds what this needs, and then this, each once. Recursion is bounded by `depth`.
  private func collect(into order: inout [Constant], counting uses: inout [ObjectIdentifier: Int]) {
    if case .derived(let sources, _) = recipe {
      for source in sources {
        let key = ObjectIdentifier(source)
        if let count = uses[key] {
          uses[key] = count + 1
        } else {
          uses[key] = 1
          source.collect(into: &order, counting: &uses)
        }
      }
    }
    order.append(self)
  }
}

extension Graph {
  /// The constants of this graph and of those inside it.
  package var constantIDs: Set<ConstantID> {
    var ids = Set(valueIDs.compactMap { self[$0].constant?.id })
    for node in nodes { for region in node?.regions ?? [] { ids.formUnion(region.constantIDs) } }
    return ids
  }
}
