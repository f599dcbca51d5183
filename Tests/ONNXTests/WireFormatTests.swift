import Tensors
import Testing

@testable import ONNX

@Suite struct WireFormatTests {
  private func parse(_ bytes: [UInt8]) throws -> ModelProto {
    try ModelProto(MappedFile(contents: bytes, named: "bytes"))
  }

  private func reason(_ bytes: [UInt8]) -> WireError.Reason? {
    do {
      _ = try parse(bytes)
      return nil
    } catch let error as WireError { return error.reason } catch { return nil }
  }

  private var small: ModelSpec {
    ModelSpec(
      GraphSpec(
        nodes: [
          NodeSpec("Gemm", ["x", "w"], ["y"], [.float("alpha", 0.5), .int("transB", 1)], name: "dense"),
          NodeSpec("Constant", [], ["c"], [.tensor("value", .floats([2], [1, 2]))]),
        ],
        inputs: [ValueSpec("x", ["N", 3])], outputs: [ValueSpec("y", ["N", 2])],
        initializers: [.floats([2, 3], [1, 2, 3, 4, 5, 6], named: "w")]))
  }

  @Test func readsAModel() throws {
    let model = try parse(small.bytes)
    let graph = try #require(model.graph)
    #expect(model.irVersion == 8)
    #expect(model.operatorSets == [OperatorSetProto(domain: "", version: 17)])
    #expect(graph.nodes.map(\.operatorName) == ["Gemm", "Constant"])
    #expect(graph.nodes[0].inputs == ["x", "w"])
    #expect(graph.nodes[0].attributes.map(\.name) == ["alpha", "transB"])
    #expect(graph.initializers[0].sizes == [2, 3])
    #expect(graph.inputs[0].type == .tensor(TensorTypeProto(elementType: 1, shape: [.name("N"), .value(3)])))
  }

  @Test func everyTruncationIsAnErrorOrASmallerModel() throws {
    let bytes = small.bytes
    for count in 1..<bytes.count { _ = try? parse(Array(bytes.prefix(count))) }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func everyChangedByteIsReadOrRefused(seed: UInt64) throws {
    let bytes = small.bytes
    var state = seed
    for position in bytes.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var changed = bytes
      changed[position] = UInt8(truncatingIfNeeded: state >> 33)
      guard let file = try? MappedFile(contents: changed, named: "seed \(seed)"),
        let model = try? ModelProto(file)
      else {
        continue
      }
      let reader = TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false)
      for tensor in model.graph?.initializers ?? [] { _ = try? reader.decode(tensor) }
    }
  }

  @Test func refusesMalformedNumbers() {
    #expect(reason([0x08] + [UInt8](repeating: 0xFF, count: 10) + [1]) == .varintTooLong)
    #expect(reason([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02]) == .varintTooLong)
    #expect(reason([0x08, 0x80]) == .truncated)
    #expect(reason([0x3A, 0x7F, 1]) == .length(127, remaining: 1))
    #expect(reason([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1]) == .length(0xFFFF_FFFF, remaining: 1))
    #expect(reason([0x00, 0x01]) == .fieldNumber(0))
    #expect(reason([0x0E]) == .unknownWireType(6))
  }

  @Test func negativeVersionIsRead() throws {
    #expect(try parse(Encoder { $0.int(1, -3) }.bytes).irVersion == -3)
  }

  @Test func namesTheFieldOfAWrongWireType() throws {
    let bytes = Encoder { e in
      e.int(1, 8)
      e.int(7, 5)
    }.bytes
    do {
      _ = try parse(bytes)
      Issue.record("accepted")
    } catch let error as WireError {
      #expect(error.field == "ModelProto.graph")
      #expect(error.offset == 2)
      #expect(error.reason == .wireType(expected: .length, found: .varint))
    }
  }

  @Test func refusesFieldsThatComeTwice() {
    #expect(reason(small.bytes + Encoder { $0.int(1, 9) }.bytes) == .repeated)
    #expect(reason(small.bytes + Encoder { $0.bytes(7, []) }.bytes) == .repeated)
  }

  @Test func passesOverUnknownFieldsAndGroups() throws {
    let unknown = Encoder { e in
      e.int(200, 7)
      e.float(201, 1)
      e.bytes(202, [1, 2, 3])
      e.key(203, .groupStart)
      e.key(204, .groupStart)
      e.int(1, 5)
      e.key(204, .groupEnd)
      e.key(203, .groupEnd)
    }.bytes
    #expect(try parse(unknown + small.bytes).graph != nil)
  }

  @Test func refusesGroupsThatDoNotMatchOrAreTooDeep() {
    #expect(reason(Encoder { $0.key(203, .groupEnd) }.bytes) == .unmatchedGroup)
    let crossed = Encoder { e in
      e.key(203, .groupStart)
      e.key(204, .groupEnd)
    }
    #expect(reason(crossed.bytes) == .unmatchedGroup)
    let deep = Encoder { e in for _ in 0..<100_000 { e.key(203, .groupStart) } }
    #expect(reason(deep.bytes) == .depth(limit: 100))
  }

  @Test func refusesDeepNesting() {
    var graph = GraphSpec()
    for _ in 0..<60 {
      graph = GraphSpec(nodes: [NodeSpec("If", ["c"], ["y"], [.graph("then_branch", graph)])])
    }
    #expect(reason(ModelSpec(graph).bytes) == .depth(limit: 100))
    var type: [UInt8] = []
    for _ in 0..<200 { type = Encoder { e in e.message(4) { $0.bytes(1, type) } }.bytes }
    let bytes = Encoder { e in e.message(7) { e in e.message(11) { $0.bytes(2, type) } } }.bytes
    #expect(reason(bytes) == .depth(limit: 100))
  }

  @Test func refusesTooManyItems() throws {
    var limits = WireLimits()
    limits.messages = 100
    let file = try MappedFile(
      contents: Encoder { e in e.message(7) { e in for _ in 0..<1000 { e.bytes(1, []) } } }.bytes,
      named: "many")
    #expect(throws: WireError.self) { try ModelProto(file, limits: limits) }
    limits = WireLimits()
    limits.elements = 100
    let ints = try MappedFile(
      contents: Encoder { e in
        e.message(7) { e in
          e.message(1) { e in e.message(5) { $0.packed(8, [Int64](repeating: 1, count: 1000)) } }
        }
      }.bytes, named: "ints")
    #expect(throws: WireError.self) { try ModelProto(ints, limits: limits) }
  }

  @Test func attributesFollowTheirDeclaredKind() throws {
    func attribute(_ build: (inout Encoder) -> Void) throws -> AttributeProto {
      let bytes = Encoder { e in e.message(7) { e in e.message(1) { e in e.message(5, build) } } }.bytes
      return try #require(try parse(bytes).graph?.nodes[0].attributes[0])
    }
    let empty = try attribute { $0.int(20, 7) }
    #expect(empty.value.kind == "INTS")
    let undeclared = try attribute { $0.packed(8, [1, 2]) }
    #expect(undeclared.value.kind == "INTS")
    #expect(throws: WireError.self) {
      try attribute { e in
        e.float(2, 1)
        e.int(20, 2)
      }
    }
    #expect(throws: WireError.self) { try attribute { $0.int(20, 99) } }
    let reference = try attribute { e in
      e.string(21, "outer")
      e.int(20, 2)
    }
    #expect(reference.value.kind == "a reference")
  }
}
