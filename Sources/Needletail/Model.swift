import Compiler
import IR
import ONNX
@_exported import Tensors

/// A model as its file says, before any optimization.
///
/// ```swift
/// let model = try Model(contentsOf: "mobilenetv2.onnx")
/// let compiled = try model.compile()
/// let outputs = try compiled.makeRequest(backend: .auto).run(["input": image])
/// ```
public struct Model: Sendable {
  /// An input or output.
  public struct Port: Sendable, Hashable {
    public var name: String
    /// `float32[N,3,224,224]`; sizes by name are known when inputs are given.
    public var type: ValueType
  }

  public let path: String
  package let graph: Graph
  package let file: ImportedModel

  /// Reads an ONNX file; weights stay mapped, so the file must not change while the model is in use.
  ///
  /// Throws `unreadableFile`, or `modelRejected` with everything that is not supported, each with its node.
  public init(contentsOf path: String) throws {
    self.path = path
    do throws(ImportError) { file = try Importer.model(at: path) } catch {
      var kind = EngineError.Kind.modelRejected
      if case .file(let reason) = error, reason.reason != .empty { kind = .unreadableFile }
      // The sentence begins with the path.
      throw EngineError(kind, subject: "", expectation: "", finding: error.description)
    }
    graph = file.graph
  }

  public var inputs: [Port] { graph.ports(graph.inputs) }
  /// Where nothing follows from the inputs, a type is what the file declares.
  public var outputs: [Port] {
    zip(graph.ports(graph.outputs), file.declaredOutputs).map { port, declared in
      port.type == .unknown ? Port(name: port.name, type: declared) : port
    }
  }
  public var nodeCount: Int { graph.nodeCount }

  /// Runs the portable passes. The result serves any backend, batch and number of threads.
  public func compile(_ options: CompileOptions = CompileOptions()) throws -> CompiledModel {
    try CompiledModel(self, options)
  }
}

extension Graph {
  func ports(_ ports: [Port]) -> [Model.Port] {
    ports.map { Model.Port(name: $0.name, type: self[$0.value].type) }
  }
}
