import IR
import Kernels
import Operators
import Tensors

/// A value that is written where a Concat of channels would copy it: some channels of each pixel of a wider image.
struct ConcatPart {
  /// The Concat's result.
  var whole: ValueID
  var byteOffset: Int
  /// Elements between pixels.
  var pitch: Int

  /// The parts of each Concat that needs no step: nobody else reads its operands, and their kernels write any pitch.
  static func parts(of assigned: [Assigned], in graph: Graph, _ options: PlanOptions) -> [ValueID: ConcatPart]
  {
    if options.keepsFileLayout { return [:] }
    var makers: [ValueID: Offer] = [:]
    for item in assigned {
      guard case .kernel = item.candidate.method, item.node.outputs.count == 1,
        let output = item.node.outputs[0]
      else {
        continue
      }
      makers[output] = item.candidate.offer
    }
    var parts: [ValueID: ConcatPart] = [:]
    for item in assigned {
      guard let operands = channelOperands(of: item.node, in: graph),
        let whole = item.node.outputs.first ?? nil,
        let placement = item.request.outputs.first ?? nil, let size = placement.dataType.byteCount(of: 1),
        let format = item.candidate.offer.outputs.first ?? nil,
        format == .channelsLast(placement.dataType, rank: placement.rank),
        operands.allSatisfy({ id in
          makers[id].map {
            $0.stridedOutputs && $0.outputs.first == format && !$0.overlays.contains(where: \.required)
          } ?? false
        })
      else { continue }
      var channel = 0
      for (id, slot) in zip(operands, item.request.inputs) {
        parts[id] = ConcatPart(whole: whole, byteOffset: channel * size, pitch: placement.sizes[1])
        channel += slot?.placement.sizes[1] ?? 0
      }
    }
    return parts
  }

  /// The operands of a Concat of images along their channels, where nothing else reads them.
  static func channelOperands(of node: Node, in graph: Graph) -> [ValueID]? {
    guard let op = node.op as? Concat, node.epilogue.steps.isEmpty, let whole = node.outputs.first ?? nil,
      let rank = graph[whole].type.tensor?.sizes?.count, rank >= 3, op.axis == 1 || op.axis == 1 - rank
    else { return nil }
    let operands = node.inputs.compactMap { $0 }
    guard operands.count == node.inputs.count, operands.allSatisfy({ graph.uses(of: $0).count == 1 }) else {
      return nil
    }
    return operands
  }
}
