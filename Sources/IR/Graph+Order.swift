extension Graph {
  /// The nodes in an order in which each comes after its operands' producers; the same for the same graph.
  ///
  /// Throws `cycle`. Walks with a stack of its own, so that long chains are safe.
  package func order() throws(GraphError) -> [NodeID] {
    enum Mark { case new, open, done }
    var marks = [Mark](repeating: .new, count: nodes.count)
    var order: [NodeID] = []
    order.reserveCapacity(nodes.count)
    var stack: [(node: Int, next: Int)] = []
    for start in nodes.indices where nodes[start] != nil && marks[start] == .new {
      marks[start] = .open
      stack.append((start, 0))
      while let (index, next) = stack.last {
        // Parts of nodes and values, for a copy of the whole counts the references of all of them.
        let inputCount = nodes[index]?.inputs.count ?? 0
        if next == inputCount + (nodes[index]?.epilogueInputs.count ?? 0) {
          marks[index] = .done
          order.append(NodeID(index))
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next = next + 1
        let input =
          next < inputCount ? nodes[index]?.inputs[next] : nodes[index]?.epilogueInputs[next - inputCount]
        guard let input, case .result(let producer, _)? = values[Int(input.index)]?.source else { continue }
        let p = Int(producer.index)
        switch marks[p] {
        case .new:
          marks[p] = .open
          stack.append((p, 0))
        case .open: throw GraphError(.cycle, node: nodes[index]?.name)
        case .done: break
        }
      }
    }
    return order
  }
}
