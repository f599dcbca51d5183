import IR
import Kernels
import Operators
import Tensors

extension Reorder: NaiveOperator {
  static let naiveName = "reorder"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    guard case .tensor(let x)? = call.operands.first ?? nil else { throw .malformed }
    let y = try faulting { () throws(TensorError) in
      try Tensor(uninitialized: x.dataType, sizes: x.sizes, format: format)
    }
    try NaiveReorder(from: x.placement, to: y.placement).copy(x.bytes.base, to: y.base)
    call.set(0, .tensor(y))
  }
}

/// Copies elements between two orders, and converts them where the types of storage differ.
struct NaiveReorder: PreparedKernel {
  let from: Placement
  let to: Placement
  let scratchByteCount = 0

  func run(_ call: borrowing KernelCall) throws(KernelFault) {
    try copy(call.input(0).base, to: call.output(0).base)
  }

  func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) throws(KernelFault) {
    guard let fromStrides = from.elementStrides, let toStrides = to.elementStrides,
      let reader = ElementCodec(from.format.storage), let writer = ElementCodec(to.format.storage)
    else { throw .notRepresentable }
    if reader.dataType == writer.dataType, let bits = reader.dataType.bitWidth, bits >= 8 {
      copyStrided(
        from: source, strides: fromStrides, to: target, strides: toStrides, sizes: from.sizes,
        elementByteCount: bits / 8)
      return
    }
    // Two integers keep all their bits; anything else passes through `Double`.
    let areIntegers = !reader.dataType.isFloatingPoint && !writer.dataType.isFloatingPoint
    forEachIndex(from.sizes) { index in
      var (i, j) = (0, 0)
      for axis in index.indices {
        i += index[axis] * fromStrides[axis]
        j += index[axis] * toStrides[axis]
      }
      if areIntegers {
        writer.store(reader.int64(at: i, in: source), at: j, in: target)
      } else {
        writer.store(reader.double(at: i, in: source), at: j, in: target)
      }
    }
  }
}

let reorderRow = Kernel(
  name: "naive.reorder", operatorName: Reorder.name,
  consider: { request in
    guard let input = request.inputs.first ?? nil, let output = request.outputs.first ?? nil,
      request.epilogue.isEmpty, input.placement.sizes == output.sizes
    else { return .declines("not one operand and one result of the same sizes") }
    guard input.placement.elementStrides != nil, output.elementStrides != nil else {
      return .declines("a blocked layout")
    }
    var offer = Offer(inputs: [input.placement.format], outputs: [output.format])
    if input.placement.format.storage != output.format.storage {
      offer.numerics = .reduced(output.format.storage)
    }
    return .accepts([offer])
  },
  implementation: .planned { (request, offer, _, _) throws(KernelError) in
    guard let input = request.inputs.first ?? nil, let output = request.outputs.first ?? nil else {
      throw KernelError("not one operand and one result")
    }
    return NaiveReorder(from: input.placement, to: output)
  })
