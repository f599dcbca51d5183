import IR
import Operators
import Tensors
import Testing

@testable import ONNX

/// Functions of a model, and operators that are read as loops.
@Suite struct FunctionTests {
  private struct FunctionSpec {
    var name: String
    var inputs = ["a"]
    var outputs = ["b"]
    var attributes: [String] = []
    var defaults: [AttributeSpec] = []
    var nodes: [NodeSpec]
    var opset: Int64 = 17

    /// The field of a ModelProto.
    var field: [UInt8] {
      Encoder { e in
        e.message(25) { e in
          e.string(1, name)
          for input in inputs { e.string(4, input) }
          for output in outputs { e.string(5, output) }
          for attribute in attributes { e.string(6, attribute) }
          for node in nodes { e.bytes(7, node.bytes) }
          e.message(9) { $0.int(2, opset) }
          e.string(10, "local")
          for attribute in defaults { e.bytes(11, attribute.bytes) }
        }
      }.bytes
    }
  }

  private static func reference(_ name: String, to outer: String) -> AttributeSpec {
    AttributeSpec(name, kind: 1) { $0.string(21, outer) }
  }

  private func imported(_ nodes: [NodeSpec], _ functions: [FunctionSpec], outputs: [String] = ["y"]) throws
    -> Graph
  {
    var spec = ModelSpec(
      GraphSpec(nodes: nodes, inputs: [ValueSpec("x", [2, 3])], outputs: outputs.map { ValueSpec($0, nil) }))
    spec.extra =
      functions.flatMap(\.field)
      + Encoder { e in
        e.message(8) { e in
          e.string(1, "local")
          e.int(2, 1)
        }
      }.bytes
    return try Importer.model(contents: spec.bytes, named: "functions").graph
  }

  private func call(_ name: String, _ output: String = "y", _ attributes: [AttributeSpec] = []) -> NodeSpec {
    NodeSpec(name, ["x"], [output], attributes, domain: "local")
  }

  @Test func callsAreInlinedWithTheirAttributes() throws {
    let inner = FunctionSpec(
      name: "Leak", attributes: ["slope"],
      nodes: [NodeSpec("LeakyRelu", ["a"], ["b"], [Self.reference("alpha", to: "slope")])])
    let outer = FunctionSpec(
      name: "Twice", attributes: [], defaults: [.float("slope", 0.5)],
      nodes: [
        NodeSpec("Leak", ["a"], ["t"], [Self.reference("slope", to: "slope")], domain: "local"),
        NodeSpec("Neg", ["t"], ["b"]),
      ])
    let nodes = [call("Twice", "p"), call("Twice", "q", [.float("slope", 0.25)]), call("Leak", "r")]
    let graph = try imported(nodes, [inner, outer], outputs: ["p", "q", "r"])
    let slopes = graph.liveNodes.compactMap { node -> Real? in
      guard case .leakyRelu(let alpha)? = (node.op as? Unary)?.function else { return nil }
      return alpha
    }
    #expect(slopes == [0.5, 0.25, Real(Double(Float(0.01)))])
    #expect(Set(graph.liveNodes.map(\.name)).count == 5)
    #expect(graph[graph.outputs[1].value].type == .tensor(.float32, [2, 3]))
  }

  @Test func omittedOperandsStayOmitted() throws {
    let clip = FunctionSpec(
      name: "Bound", inputs: ["a", "low", "high"], nodes: [NodeSpec("Clip", ["a", "low", "high"], ["b"])])
    let graph = try imported([call("Bound")], [clip])
    #expect(graph.liveNodes.first?.inputs.count == 1)
  }

  @Test func functionsUseTheirOwnVersions() throws {
    let old = FunctionSpec(name: "Old", nodes: [NodeSpec("Upsample", ["a", "s"], ["b"])], opset: 10)
    do {
      _ = try imported([call("Old")], [old])
      Issue.record("read a value that is not there")
    } catch ImportError.unsupported(_, let list) { #expect(list.count == 1) }
    let squeeze = FunctionSpec(
      name: "Rows", nodes: [NodeSpec("Unsqueeze", ["a"], ["b"], [.ints("axes", [0])])], opset: 11)
    #expect(try imported([call("Rows")], [squeeze]).outputs.count == 1)
  }

  @Test func endlessFunctionsAreRefused() throws {
    let selfish = FunctionSpec(name: "Self", nodes: [NodeSpec("Self", ["a"], ["b"], domain: "local")])
    var bomb = [FunctionSpec(name: "F0", nodes: [NodeSpec("Neg", ["a"], ["b"])])]
    for i in 1..<30 {
      bomb.append(
        FunctionSpec(
          name: "F\(i)",
          nodes: [
            NodeSpec("F\(i - 1)", ["a"], ["t"], domain: "local"),
            NodeSpec("F\(i - 1)", ["t"], ["b"], domain: "local"),
          ]))
    }
    for (name, functions) in [("Self", [selfish]), ("F29", bomb)] {
      #expect(throws: ImportError.self) { _ = try imported([call(name)], functions) }
    }
  }

  @Test func scansAreLoops() throws {
    let body = GraphSpec(
      nodes: [NodeSpec("Add", ["s", "i"], ["t"]), NodeSpec("Neg", ["t"], ["z"])],
      inputs: [ValueSpec("s", nil), ValueSpec("i", nil)], outputs: [ValueSpec("t", nil), ValueSpec("z", nil)])
    let scan = NodeSpec(
      "Scan", ["c", "x"], ["last", "all"],
      [
        .graph("body", body), .int("num_scan_inputs", 1), .ints("scan_input_axes", [1]),
        .ints("scan_output_axes", [-1]),
      ])
    let constant = NodeSpec("Constant", [], ["c"], [.tensor("value", .floats([2], [0, 0]))])
    let graph = try imported([constant, scan], [], outputs: ["last", "all"])
    #expect(graph.liveNodes.contains { $0.op is Loop })
    #expect(graph[graph.outputs[0].value].type == .tensor(.float32, [2]))
    #expect(graph[graph.outputs[1].value].type == .tensor(.float32, [2, 3]))
    for attributes in [
      [AttributeSpec.int("num_scan_inputs", 3)],
      [.int("num_scan_inputs", 1), .ints("scan_input_axes", [0, 1])],
      [.int("num_scan_inputs", 1), .ints("scan_output_directions", [2])],
      [.int("num_scan_inputs", 1), .ints("scan_output_axes", [9])],
    ] {
      let wrong = NodeSpec("Scan", ["c", "x"], ["last", "all"], [.graph("body", body)] + attributes)
      #expect(throws: ImportError.self) { _ = try imported([constant, wrong], [], outputs: ["all"]) }
    }
  }

  @Test func mapsOverSequencesAreLoops() throws {
    let body = GraphSpec(
      nodes: [NodeSpec("Neg", ["i"], ["o"])], inputs: [ValueSpec("i", nil)], outputs: [ValueSpec("o", [2])])
    let nodes = [
      NodeSpec("SequenceConstruct", ["x", "x"], ["s"]),
      NodeSpec("SequenceMap", ["s"], ["y"], [.graph("body", body)]),
    ]
    let graph = try imported(nodes, [])
    #expect(graph.liveNodes.contains { $0.op is Loop })
    #expect(graph[graph.outputs[0].value].type == .sequence(.tensor(.float32, nil)))
  }
}
