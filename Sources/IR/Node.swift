import Tensors

/// One application of an operator.
package struct Node: Sendable {
  package let id: NodeID
  package var name: String
  package var origins: Origins
  package var op: any Operator
  /// Captured outer values are inputs too: a region sees nothing else. nil: an optional operand is absent.
  package var inputs: [ValueID?]
  package var epilogue: Epilogue
  package var epilogueInputs: [ValueID]
  /// nil: not wanted.
  package var outputs: [ValueID?]
  /// Closed graphs: If has two, Loop, Scan and Group one.
  package var regions: [Graph]

  package init(
    id: NodeID, name: String, origins: Origins, op: any Operator, inputs: [ValueID?],
    epilogue: Epilogue = Epilogue(),
    epilogueInputs: [ValueID] = [], outputs: [ValueID?], regions: [Graph] = []
  ) {
    self.id = id
    self.name = name
    self.origins = origins
    self.op = op
    self.inputs = inputs
    self.epilogue = epilogue
    self.epilogueInputs = epilogueInputs
    self.outputs = outputs
    self.regions = regions
  }
}

/// What flows along an edge.
package struct Value: Sendable {
  package enum Source: Sendable {
    case input(Int)
    case constant(Constant)
    case result(of: NodeID, index: Int)
  }

  package var name: String
  package var type: ValueType
  /// The elements of a small integer tensor, maybe as formulas.
  package var contents: [Dimension]?
  package var source: Source
  /// nil until kernels are assigned.
  package var format: Format?
  /// The value of the file with the same meaning, as an index into `Graph.originNames`: what verification
  /// compares.
  package var mirrors: Int32?
  package var origins: Origins

  package init(
    name: String, type: ValueType, contents: [Dimension]? = nil, source: Source, format: Format? = nil,
    mirrors: Int32? = nil, origins: Origins = Origins()
  ) {
    self.name = name
    self.type = type
    self.contents = contents
    self.source = source
    self.format = format
    self.mirrors = mirrors
    self.origins = origins
  }

  package var constant: Constant? {
    if case .constant(let constant) = source { return constant }
    return nil
  }

  package var producer: NodeID? {
    if case .result(let node, _) = source { return node }
    return nil
  }

  package var operand: Operand { Operand(type, constant: constant, contents: contents) }
}

/// One place that reads a value. A graph output is a use.
package enum Use: Hashable, Sendable {
  case operand(NodeID, Int)
  case epilogue(NodeID, Int)
  case result(Int)

  package var node: NodeID? {
    switch self {
    case .operand(let node, _), .epilogue(let node, _): node
    case .result: nil
    }
  }
}
