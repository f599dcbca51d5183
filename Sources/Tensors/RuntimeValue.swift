/// What a run takes and gives: a tensor, a sequence of values, or an optional without one.
public enum RuntimeValue: Sendable {
  case tensor(Tensor)
  case sequence([RuntimeValue])
  /// Two vectors of the same size: integers or strings, and what each of them stands for.
  case map(keys: Tensor, values: Tensor)
  case absent

  public var tensor: Tensor? {
    if case .tensor(let tensor) = self { return tensor }
    return nil
  }
}
