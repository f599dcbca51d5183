import IR
import Operators
import Tensors
import Testing

@testable import ONNX

@Suite struct ImporterTests {
  private func model(_ graph: GraphSpec, opset: Int64 = 17) throws -> ImportedModel {
    try Importer.model(contents: ModelSpec(graph, opset: opset).bytes, named: "test.onnx")
  }

  private func structure(_ graph: GraphSpec) -> StructureError? {
    do {
      _ = try model(graph)
      return nil
    } catch ImportError.structure(_, let error) { return error } catch { return nil }
  }

  private func chain(_ nodes: [NodeSpec]) -> GraphSpec {
    GraphSpec(nodes: nodes, inputs: [ValueSpec("x", ["N", 4])], outputs: [ValueSpec("y", nil)])
  }

  // MARK: - Names, types, constants

  @Test func looksLikeTheFile() throws {
    let imported = try model(
      GraphSpec(
        nodes: [
          NodeSpec("MatMul", ["x", "w"], ["h"]), NodeSpec("Relu", ["h"], ["r"], name: "act"),
          NodeSpec("Relu", ["r"], ["y"]),
        ],
        inputs: [ValueSpec("x", ["N", 3])], outputs: [ValueSpec("y", ["N", 2])],
        initializers: [.floats([3, 2], [1, 2, 3, 4, 5, 6], named: "w")]))
    let graph = imported.graph
    #expect(graph.liveNodes.map(\.name) == ["MatMul_0", "act", "Relu_0"])
    #expect(graph.inputs.map(\.name) == ["x"])
    #expect(graph.outputs.map(\.name) == ["y"])
    #expect(graph[graph.outputs[0].value].type == .tensor(.float32, [Dimension(Symbol("N")), 2]))
    let node = try #require(graph.liveNodes.first)
    #expect(node.origins.indices.map { graph.originNames[Int($0)] } == ["MatMul_0"])
    let value = graph[graph.outputs[0].value]
    #expect(value.mirrors.map { graph.originNames[Int($0)] } == "y")
    #expect(imported.operatorCounts.map(\.name) == ["MatMul", "Relu"])
    #expect(imported.producer == "tests")
    try graph.verify()
  }

  @Test func theDumpReadsAsTheFile() throws {
    let parameters = ["s", "b", "m", "v"].map { TensorSpec.floats([1], [1], named: $0) }
    let graph = try model(
      GraphSpec(
        nodes: [
          NodeSpec(
            "BatchNormalization", ["x", "s", "b", "m", "v"], ["n"], [.float("epsilon", 0.5)], name: "norm"),
          NodeSpec("Softmax", ["n"], ["y"]),
        ],
        inputs: [ValueSpec("x", ["N", 1])], outputs: [ValueSpec("y", nil)], initializers: parameters),
      opset: 11
    ).graph
    let lines = graph.text().split(separator: "\n").filter { !$0.contains("constant") }
    #expect(lines.count == 4)
    #expect(lines[0] == "graph graph(%x: float32[N,1]) -> (%y) {")
    #expect(lines[1].contains("BatchNormalization") && lines[1].contains("named norm"))
    #expect(lines[2].contains("Softmax") && lines[2].contains("flattens"))
  }

  @Test func madeUpNamesGiveWayToGivenOnes() throws {
    let graph = try model(
      chain([
        NodeSpec("Relu", ["x"], ["a"]), NodeSpec("Relu", ["a"], ["b"], name: "Relu_0"),
        NodeSpec("Relu", ["b"], ["y"], name: "Relu_0"),
      ])
    ).graph
    #expect(graph.liveNodes.map(\.name) == ["Relu_1", "Relu_0", "Relu_0_2"])
  }

  @Test func unknownSizesBecomeSymbols() throws {
    let graph = try model(
      GraphSpec(
        inputs: [
          ValueSpec("a", ["N", -1, .missing, 4]), ValueSpec("b", ["N", "a_1"]), ValueSpec("c", nil),
          ValueSpec("d", []),
        ],
        outputs: [ValueSpec("a", nil)])
    ).graph
    let types = graph.inputs.map { graph[$0.value].type.description }
    #expect(types == ["float32[N,a_1_,a_2,4]", "float32[N,a_1]", "float32[?]", "float32[]"])
  }

  @Test func initializersThatAreInputsAreConstants() throws {
    let graph = try model(
      GraphSpec(
        nodes: [NodeSpec("MatMul", ["x", "w"], ["y"])],
        inputs: [ValueSpec("x", ["N", 1]), ValueSpec("w", [1, 1])], outputs: [ValueSpec("y", nil)],
        initializers: [.floats([1, 1], [2], named: "w")])
    ).graph
    #expect(graph.inputs.map(\.name) == ["x"])
  }

  @Test func sparseInitializersAreConstants() throws {
    var spec = GraphSpec(
      nodes: [NodeSpec("Add", ["x", "s"], ["y"])], inputs: [ValueSpec("x", [2, 2])],
      outputs: [ValueSpec("y", nil)])
    spec.extra =
      Encoder { e in
        e.message(15) { e in
          e.bytes(1, TensorSpec.floats([1], [5], named: "s").bytes)
          e.bytes(2, TensorSpec.int64s([1], [3]).bytes)
          e.int(3, 2)
          e.int(3, 2)
        }
      }.bytes
    let graph = try model(spec).graph
    let constant = try #require(graph.liveNodes[0].inputs[1].flatMap { graph[$0].constant })
    #expect(try constant.tensor().elements(of: Float.self) == [0, 0, 0, 5])
  }

  @Test func contradictingDeclarationsAreWarnings() throws {
    var spec = chain([NodeSpec("Relu", ["x"], ["y"])])
    spec.outputs = [ValueSpec("y", [])]
    let imported = try model(spec)
    #expect(imported.warnings.count == 1)
    #expect(imported.graph[imported.graph.outputs[0].value].type.tensor?.shape?.count == 2)
  }

  @Test func identitiesDoNotChangeBetweenReadings() throws {
    let spec = GraphSpec(
      nodes: [NodeSpec("Add", ["x", "w"], ["y"])], inputs: [ValueSpec("x", [1])],
      outputs: [ValueSpec("y", nil)],
      initializers: [.floats([1], [2], named: "w")])
    func id() throws -> ConstantID? {
      let graph = try model(spec).graph
      return graph.liveNodes[0].inputs[1].flatMap { graph[$0].constant?.id }
    }
    #expect(try id() == id())
  }

  // MARK: - Structure

  @Test func nodesMayComeInAnyOrder() throws {
    let graph = try model(chain([NodeSpec("Relu", ["h"], ["y"]), NodeSpec("Abs", ["x"], ["h"])])).graph
    #expect(graph.liveNodes.map(\.name) == ["Abs_0", "Relu_0"])
  }

  @Test func aLongChainIsRead() throws {
    let count = 20_000
    var nodes: [NodeSpec] = []
    for i in 0..<count {
      nodes.append(NodeSpec("Relu", [i == 0 ? "x" : "v\(i)"], [i == count - 1 ? "y" : "v\(i + 1)"]))
    }
    #expect(try model(chain(nodes.reversed())).graph.nodeCount == count)
  }

  @Test func refusesBrokenGraphs() {
    #expect(structure(chain([NodeSpec("Relu", ["y"], ["y"], name: "self")])) == .cycle(node: "self"))
    #expect(
      structure(
        chain([
          NodeSpec("Add", ["x", "b"], ["a"], name: "p"), NodeSpec("Relu", ["a"], ["b"]),
          NodeSpec("Relu", ["b"], ["y"]),
        ]))
        == .cycle(node: "p"))
    #expect(structure(chain([NodeSpec("Relu", ["z"], ["y"])])) == .unknownValue(name: "z", node: "Relu"))
    #expect(structure(chain([])) == .unknownOutput("y"))
    #expect(
      structure(chain([NodeSpec("Relu", ["x"], ["y"]), NodeSpec("Abs", ["x"], ["y"])]))
        == .duplicateValue(name: "y", subject: "Abs"))
    #expect(structure(chain([NodeSpec("Relu", ["x"], ["x"])])) != nil)
    var twice = chain([NodeSpec("Relu", ["x"], ["y"])])
    twice.inputs.append(twice.inputs[0])
    #expect(structure(twice) == .duplicatePort("x"))
    twice = chain([NodeSpec("Relu", ["x"], ["y"])])
    twice.outputs.append(twice.outputs[0])
    #expect(structure(twice) == .duplicatePort("y"))
    twice = chain([NodeSpec("Relu", ["x"], ["y"])])
    twice.initializers = [.floats([1], [1], named: "w"), .floats([1], [1], named: "w")]
    #expect(structure(twice) == .duplicateValue(name: "w", subject: "initializer"))
  }

  @Test func anInputMayBeAnOutput() throws {
    let graph = try model(GraphSpec(inputs: [ValueSpec("x", ["N"])], outputs: [ValueSpec("x", nil)])).graph
    #expect(graph.outputs[0].value == graph.inputs[0].value)
  }

  // MARK: - Unsupported

  @Test func namesEverythingUnsupportedAtOnce() throws {
    let spec = chain([
      NodeSpec("Frobnicate", ["x"], ["a"], name: "f"),
      NodeSpec("Conv", ["a", "a"], ["b"], [.ints("strides", [0])], name: "c"),
      NodeSpec("Relu", ["b"], ["d"], [.int("alpha", 1)], name: "r"),
      NodeSpec("Attention", ["d"], ["e"], name: "m", domain: "org.example"),
      NodeSpec("Gelu", ["e"], ["g"], name: "g"),
      NodeSpec("Add", ["g"], ["y"], name: "s"),
    ])
    do {
      _ = try model(spec)
      Issue.record("accepted")
    } catch ImportError.unsupported(_, let list) {
      #expect(list.map(\.subject) == ["f", "r", "m", "g", "s"])
      #expect(
        list.map(\.reason) == [
          .unknownOperator, .unknownAttribute("alpha"), .domain("org.example"),
          .version(found: 17, known: 20...28),
          .inputCount(expected: 2...2, found: 1),
        ])
      #expect(list[0].description.hasPrefix("Frobnicate (opset 17) 'f': this operator is not supported; "))
    }
  }

  @Test func aBrokenNodeDoesNotBlameTheNext() throws {
    do {
      _ = try model(chain([NodeSpec("Frobnicate", ["x"], ["a"]), NodeSpec("MatMul", ["a", "x"], ["y"])]))
      Issue.record("accepted")
    } catch ImportError.unsupported(_, let list) { #expect(list.count == 1) }
  }

  @Test func everythingWrongIsToldAtOnce() throws {
    let spec = GraphSpec(
      nodes: [
        NodeSpec("Frobnicate", ["x"], ["a"], name: "unknown"),
        NodeSpec("Gelu", ["x"], ["b"], name: "newer"),
        NodeSpec("Add", ["x", "short"], ["c"], name: "afterBrokenData"),
        NodeSpec("MatMul", ["x", "w"], ["d"], name: "misfit"),
        NodeSpec("MatMul", ["w", "x"], ["e"], name: "anotherMisfit"),
      ], inputs: [ValueSpec("x", [2, 4])],
      outputs: ["a", "b", "c", "d", "e"].map { ValueSpec($0, nil) },
      initializers: [.floats([3, 1], [1, 2, 3], named: "w"), TensorSpec("short", type: 1, sizes: [4])])
    do {
      _ = try model(spec)
      Issue.record("accepted")
    } catch ImportError.unsupported(_, let list) {
      #expect(list.map(\.operatorName) == ["", "Frobnicate", "Gelu", "MatMul", "MatMul"])
      #expect(list.dropFirst().map(\.subject) == ["unknown", "newer", "misfit", "anotherMisfit"])
      #expect("\(list[0])".contains("'short'"))
      #expect(list[1].advice != nil && list[2].advice != nil)
    }
  }

  @Test func aNewerOpsetHidesNothingElse() throws {
    do {
      _ = try model(chain([NodeSpec("Relu", ["x"], ["h"]), NodeSpec("Frobnicate", ["h"], ["y"])]), opset: 99)
      Issue.record("accepted")
    } catch ImportError.unsupported(_, let list) { #expect(list.map(\.operatorName) == ["", "Frobnicate"]) }
  }

  @Test func versionsBeyondTheKnownAreRefused() throws {
    for opset in [0, -1, 29, 99] as [Int64] {
      #expect(throws: ImportError.self) { try model(chain([NodeSpec("Relu", ["x"], ["y"])]), opset: opset) }
    }
  }

  @Test func inferenceErrorsNameTheNode() throws {
    let spec = GraphSpec(
      nodes: [NodeSpec("MatMul", ["x", "w"], ["y"], name: "dense")], inputs: [ValueSpec("x", ["N", 4])],
      outputs: [ValueSpec("y", nil)], initializers: [.floats([3, 1], [1, 2, 3], named: "w")])
    do {
      _ = try model(spec)
      Issue.record("accepted")
    } catch ImportError.inference(_, let error) { #expect(error.node == "dense") }
  }

  @Test func inputTypesThatAreNoTensorsAreNamed() throws {
    var graph = chain([NodeSpec("Relu", ["x"], ["y"])])
    graph.extra =
      Encoder { e in
        e.message(11) { e in
          e.string(1, "map")
          e.message(2) { e in e.message(5) { $0.int(1, 7) } }
        }
      }.bytes
    do {
      _ = try model(graph)
      Issue.record("accepted")
    } catch ImportError.unsupported(_, let list) { #expect(list.map(\.reason) == [.type("a map")]) }
  }

  // MARK: - Regions

  private func branch(_ nodes: [NodeSpec], _ output: String, _ initializers: [TensorSpec] = []) -> GraphSpec {
    GraphSpec(nodes: nodes, outputs: [ValueSpec(output, nil)], initializers: initializers)
  }

  @Test func regionsAreClosed() throws {
    let spec = GraphSpec(
      nodes: [
        NodeSpec("Abs", ["x"], ["h"]),
        NodeSpec(
          "If", ["c"], ["y"],
          [
            .graph("then_branch", branch([NodeSpec("Add", ["h", "w"], ["t"])], "t")),
            .graph("else_branch", branch([NodeSpec("Mul", ["x", "h"], ["e"])], "e")),
          ], name: "choose"),
      ],
      inputs: [ValueSpec("c", [], type: 9), ValueSpec("x", ["N", 2])], outputs: [ValueSpec("y", nil)],
      initializers: [.floats([2], [1, 2], named: "w")])
    let graph = try model(spec).graph
    let node = try #require(graph.liveNodes.last)
    // The condition, then what either branch reads from outside; constants are copied in.
    #expect(node.inputs.compactMap { $0 }.map { graph[$0].name } == ["c", "h", "x"])
    #expect(node.regions.map { $0.inputs.map(\.name) } == [["h", "x"], ["h", "x"]])
    #expect(node.regions[0].liveNodes.map(\.name) == ["choose/then/Add_0"])
    let copied = node.regions[0].liveNodes[0].inputs[1].flatMap { node.regions[0][$0].constant }
    let outer = graph.valueIDs.compactMap { graph[$0].constant }.first
    #expect(copied?.id == outer?.id)
    try graph.verify()
  }

  @Test func capturesReachThroughLevels() throws {
    let inner = branch([NodeSpec("Relu", ["x"], ["i"])], "i")
    let outer = branch(
      [NodeSpec("If", ["c"], ["o"], [.graph("then_branch", inner), .graph("else_branch", inner)])], "o")
    let spec = GraphSpec(
      nodes: [NodeSpec("If", ["c"], ["y"], [.graph("then_branch", outer), .graph("else_branch", outer)])],
      inputs: [ValueSpec("c", [], type: 9), ValueSpec("x", ["N", 2])], outputs: [ValueSpec("y", nil)])
    let graph = try model(spec).graph
    #expect(graph.liveNodes[0].regions[0].inputs.map(\.name) == ["c", "x"])
    try graph.verify()
  }

  @Test func nestedRegionsHaveABudget() throws {
    var region = branch([NodeSpec("Relu", ["x"], ["v0"])], "v0")
    for i in 1...20 {
      region = branch(
        [
          NodeSpec(
            "If", ["c"], ["v\(i)"],
            [
              .graph("then_branch", region),
              .graph("else_branch", branch([NodeSpec("Relu", ["x"], ["e\(i)"])], "e\(i)")),
            ])
        ],
        "v\(i)")
    }
    region.inputs = [ValueSpec("c", [], type: 9), ValueSpec("x", ["N", 2])]
    #expect(throws: ImportError.self) { try model(region) }
  }

  @Test func unsupportedNodesInRegionsAreNamedByPath() throws {
    let spec = GraphSpec(
      nodes: [
        NodeSpec(
          "If", ["c"], ["y"],
          [
            .graph("then_branch", branch([NodeSpec("Frobnicate", ["x"], ["t"])], "t")),
            .graph("else_branch", branch([NodeSpec("Relu", ["x"], ["e"])], "e")),
          ])
      ],
      inputs: [ValueSpec("c", [], type: 9), ValueSpec("x", ["N", 2])], outputs: [ValueSpec("y", nil)])
    do {
      _ = try model(spec)
      Issue.record("accepted")
    } catch ImportError.unsupported(_, let list) {
      #expect(list.map(\.subject) == ["If_0/then/Frobnicate_0"])
    }
  }

  // MARK: - Tensors

  @Test func tensorsInAttributesAreConfinedToo() throws {
    let folder = TemporaryFolder()
    for attribute in [
      AttributeSpec.tensor("value", .external([2], [("location", "../../etc/passwd")])),
      AttributeSpec("sparse_value", kind: 11) { e in
        e.message(22) { e in
          e.bytes(1, TensorSpec.external([2], [("location", "/etc/passwd")]).bytes)
          e.bytes(2, TensorSpec.int64s([2], [0, 1]).bytes)
          e.int(3, 4)
        }
      },
    ] {
      let spec = ModelSpec(
        GraphSpec(nodes: [NodeSpec("Constant", [], ["y"], [attribute])], outputs: [ValueSpec("y", nil)]))
      let path = folder.write("model.onnx", spec.bytes)
      do {
        _ = try Importer.model(at: path)
        Issue.record("accepted")
      } catch ImportError.tensor(_, _, let error) {
        guard case .external(.outsideFolder) = error.reason else {
          Issue.record("\(error)")
          return
        }
      }
    }
  }

  @Test func filesThatAreNoModels() throws {
    let folder = TemporaryFolder()
    #expect(throws: ImportError.self) { try Importer.model(at: folder.path + "/missing.onnx") }
    #expect(throws: ImportError.self) { try Importer.model(at: folder.path) }
    #expect(throws: ImportError.self) { try Importer.model(at: folder.write("empty.onnx", [])) }
    #expect(throws: ImportError.self) {
      try Importer.model(at: folder.write("text.onnx", Array("hello world".utf8)))
    }
    #expect(throws: ImportError.self) {
      try Importer.model(at: folder.write("zero.onnx", [UInt8](repeating: 0, count: 64)))
    }
    #expect(throws: ImportError.self) { try Importer.model(at: folder.write("version.onnx", [8, 8])) }
  }

  @Test func everyTruncatedModelIsReadOrRefused() throws {
    let bytes = ModelSpec(
      GraphSpec(
        nodes: [
          NodeSpec("MatMul", ["x", "w"], ["y"]),
          NodeSpec("Constant", [], ["c"], [.tensor("value", .floats([2], [1, 2]))]),
        ],
        inputs: [ValueSpec("x", ["N", 3])], outputs: [ValueSpec("y", ["N", 2])],
        initializers: [.floats([3, 2], [1, 2, 3, 4, 5, 6], named: "w")])
    ).bytes
    for count in 1..<bytes.count {
      _ = try? Importer.model(contents: Array(bytes.prefix(count)), named: "cut")
    }
    var state: UInt64 = 7
    for position in bytes.indices {
      for _ in 0..<8 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var changed = bytes
        changed[position] = UInt8(truncatingIfNeeded: state >> 33)
        _ = try? Importer.model(contents: changed, named: "changed")
      }
    }
  }
}
