import IR
import Tensors

/// A change of format: the logical value is its operand's. Inserted when kernels are assigned.
package struct Reorder: Operator {
  package static let name = "Reorder"
  package var format: Format
  package init(to format: Format) { self.format = format }
  package var traits: OperatorTraits { [.pure] }
}

/// Several nodes to be run as one; its meaning is its region. A backend may cover it, else it is inlined.
package struct Group: Operator {
  package enum Form: String, Hashable, Codable, Sendable { case bands, quantized, prologue }
  package static let name = "Group"
  package var form: Form
  package init(form: Form) { self.form = form }
  package var traits: OperatorTraits { [.pure] }
}
