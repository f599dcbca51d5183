import CompiledFile
import Compiler
import IR
import NaiveKernels
import ONNX
import Operators
@_exported import Tensors

/// A model as its file says: an ONNX model before any optimization, or a compiled one.
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
  /// The whole of a compiled file.
  let compiledFile: CompiledFile?

  /// Reads an ONNX file, or one that `CompiledModel.write(to:)` wrote; weights stay mapped, so the file must not change
  /// while the model is in use.
  ///
  /// Throws `unreadableFile`, or `modelRejected` with everything that is not supported, each with its node.
  public init(contentsOf path: String) throws {
    self.path = path
    if CompiledFile.isCompiled(path) {
      let compiled: CompiledFile
      do throws(CompiledFileError) { compiled = try CompiledFile(contentsOf: path) } catch {
        throw EngineError(error, path: path)
      }
      compiledFile = compiled
      graph = compiled.graph
      let origin = compiled.origin
      file = ImportedModel(
        graph: graph, declaredOutputs: graph.outputs.map { _ in .unknown }, path: path,
        fileByteCount: compiled.byteCount, irVersion: origin.irVersion,
        operatorSets: origin.operatorSets, producer: origin.producer, operatorCounts: origin.operatorCounts,
        warnings: compiled.staleness.map {
          "compiled with another \($0): kernels are chosen and weights packed again"
        })
      return
    }
    compiledFile = nil
    do throws(ImportError) { file = try Importer.model(at: path) } catch {
      var kind = EngineError.Kind.modelRejected
      if case .file(let reason) = error, reason.reason != .empty { kind = .unreadableFile }
      // The sentence begins with the path.
      throw EngineError(kind, subject: "", expectation: "", finding: error.description)
    }
    graph = file.graph
    if let problem = ImageLibrary.problem, graph.applies(ImageDecoder.name) {
      throw EngineError(
        .modelRejected, subject: path, expectation: "a library that decodes images, for ImageDecoder",
        finding: problem)
    }
  }

  public var inputs: [Port] { graph.ports(graph.inputs) }
  /// Where nothing follows from the inputs, a type is what the file declares.
  public var outputs: [Port] {
    zip(graph.ports(graph.outputs), file.declaredOutputs).map { port, declared in
      port.type == .unknown ? Port(name: port.name, type: declared) : port
    }
  }
  public var nodeCount: Int { graph.nodeCount }

  /// Whether it comes from a compiled file: then it has been optimized already.
  public var isCompiled: Bool { compiledFile != nil }

  /// Runs the portable passes, or takes what a compiled file holds of them. The result serves any backend, batch and
  /// number of threads.
  public func compile(_ options: CompileOptions = CompileOptions()) throws -> CompiledModel {
    try CompiledModel(self, options)
  }
}

extension Graph {
  /// Whether a node of the graph or of a region applies the operator.
  fileprivate func applies(_ operatorName: String) -> Bool {
    liveNodes.contains { node in
      node.op.name == operatorName || node.regions.contains { $0.applies(operatorName) }
    }
  }

  func ports(_ ports: [Port]) -> [Model.Port] {
    ports.map { Model.Port(name: $0.name, type: self[$0.value].type) }
  }
}

extension CompiledFile {
  /// The parts of the key that are others here, such as `simd: AVX-512 there, AVX2 here`.
  var staleness: [String] {
    func text(_ parts: [KeyPart], _ name: String) -> String {
      parts.first { $0.name == name }?.value ?? "none"
    }
    let here = Engine.key
    let names = here.map(\.name) + key.map(\.name).filter { name in !here.contains { $0.name == name } }
    return names.compactMap { name in
      let (then, now) = (text(key, name), text(here, name))
      return then == now ? nil : "\(name) (\(then) there, \(now) here)"
    }
  }
}
