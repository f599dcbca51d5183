import IR
import Operators
import Tensors

/// One operand of a request.
package struct Slot: Hashable, Sendable {
  package var placement: Placement
  package var isConstant: Bool

  package init(_ placement: Placement, isConstant: Bool = false) {
    self.placement = placement
    self.isConstant = isConstant
  }
}

/// All that may change the choice of a kernel, nothing else. Sizes are bound and static parameters are attributes.
///
/// The formats in the placements are the row-major ones of the logical types: a kernel says in its offers which formats
/// it wants, and is prepared with the offer that was chosen. Only a Reorder is asked with its true formats: the operand's
/// placement has the format that the bytes are in, the result's the format they shall have.
package struct KernelRequest: Hashable, Sendable {
  package var op: AnyOperator
  package var body: Fragment?
  package var inputs: [Slot?]
  package var epilogueInputs: [Slot]
  package var outputs: [Placement?]
  package var epilogue: Epilogue
  package var threads: Int

  package init(
    op: any Operator, body: Fragment? = nil, inputs: [Slot?], epilogueInputs: [Slot] = [],
    outputs: [Placement?],
    epilogue: Epilogue = Epilogue(), threads: Int = 1
  ) {
    self.op = AnyOperator(op)
    self.body = body
    self.inputs = inputs
    self.epilogueInputs = epilogueInputs
    self.outputs = outputs
    self.epilogue = epilogue
    self.threads = threads
  }
}

/// A closed piece of graph without names or ids: the body of a Group, as a hashable key.
package struct Fragment: Hashable, Sendable {
  package enum Source: Hashable, Sendable { case operand(Int), item(Int, output: Int) }
  package struct Item: Hashable, Sendable {
    package var op: AnyOperator
    package var inputs: [Source?]
    package var epilogue: Epilogue
    package var epilogueInputs: [Source]
    package var types: [Placement?]
  }
  package var items: [Item]
  package var results: [Source]
}
