import Tensors

/// A value known at compile time: an identity, a type and a recipe whose bytes exist only while somebody holds them.
package final class Constant: Sendable {
  package enum Recipe: Sendable {
    case stored(Tensor)
    case computed(@Sendable () throws(GraphError) -> Tensor)
  }

  package let id: ConstantID
  package let type: TensorType
  package let recipe: Recipe

  package init(id: ConstantID, type: TensorType, recipe: Recipe) {
    self.id = id
    self.type = type
    self.recipe = recipe
  }

  package convenience init(id: ConstantID, _ tensor: Tensor) {
    self.init(id: id, type: tensor.type, recipe: .stored(tensor))
  }

  package func tensor() throws(GraphError) -> Tensor {
    switch recipe {
    case .stored(let tensor): tensor
    case .computed(let make): try make()
    }
  }

  package var stored: Tensor? {
    if case .stored(let tensor) = recipe { return tensor }
    return nil
  }
}
