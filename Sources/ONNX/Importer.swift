import IR
import Tensors

/// How a model is read.
package struct ImportOptions: Sendable {
  /// Reads files into memory instead of mapping them: for files that others may change meanwhile.
  package var copy = false
  package var limits = WireLimits()
  package var externalData = ExternalDataPolicy()

  package init() {}
}

/// A model as a graph, and what else its file says.
package struct ImportedModel: Sendable {
  package var graph: Graph
  /// What the file says of the graph's outputs; unknown where it says nothing that is understood.
  package var declaredOutputs: [ValueType]
  package var path: String
  package var fileByteCount: Int
  package var irVersion: Int64
  package var operatorSets: [OperatorSetProto]
  package var producer: String
  package var metadata: [StringEntryProto]
  /// Nodes of the file by operator, with those of regions, sorted by name.
  package var operatorCounts: [(name: String, count: Int)]
  /// Where the file contradicts itself without harm.
  package var warnings: [String]

  package init(
    graph: Graph, declaredOutputs: [ValueType], path: String, fileByteCount: Int, irVersion: Int64,
    operatorSets: [OperatorSetProto], producer: String,
    metadata: [StringEntryProto] = [], operatorCounts: [(name: String, count: Int)], warnings: [String]
  ) {
    self.graph = graph
    self.declaredOutputs = declaredOutputs
    self.path = path
    self.fileByteCount = fileByteCount
    self.irVersion = irVersion
    self.operatorSets = operatorSets
    self.producer = producer
    self.metadata = metadata
    self.operatorCounts = operatorCounts
    self.warnings = warnings
  }
}

/// Reads ONNX models into graphs. The graph looks like the file: differences between versions become attributes.
package enum Importer {
  /// Reads the model at `path`. Throws everything that is unsupported at once.
  package static func model(at path: String, options: ImportOptions = ImportOptions()) throws(ImportError)
    -> ImportedModel
  {
    let file: MappedFile
    do throws(FileError) { file = try MappedFile(path: path, copy: options.copy) } catch {
      throw .file(error)
    }
    return try model(file, externalDataOf: path, options: options)
  }

  /// Reads a model in memory, which has no external data.
  package static func model(contents: [UInt8], named name: String, options: ImportOptions = ImportOptions())
    throws(ImportError) -> ImportedModel
  {
    let file: MappedFile
    do throws(FileError) { file = try MappedFile(contents: contents, named: name) } catch {
      throw .file(error)
    }
    return try model(file, externalDataOf: nil, options: options)
  }

  static func model(_ file: MappedFile, externalDataOf path: String?, options: ImportOptions)
    throws(ImportError)
    -> ImportedModel
  {
    let proto: ModelProto
    do throws(WireError) { proto = try ModelProto(file, limits: options.limits) } catch {
      throw .malformed(path: file.path, error)
    }
    guard let graph = proto.graph else { throw .notAModel(path: file.path) }
    let tensors = TensorReader(
      file, externalDataOf: path, policy: options.externalData, copy: options.copy)
    let session = ImportSession(proto, tensors: tensors, path: file.path)
    try session.checkVersion()
    session.reserveSymbols(of: graph)
    let builder = GraphBuilder(session, name: graph.name, path: "", nesting: 0)
    do throws(StructureError) { try builder.build(graph) } catch { throw .structure(path: file.path, error) }
    try session.throwProblems()
    return ImportedModel(
      graph: builder.graph,
      declaredOutputs: graph.outputs.map {
        (try? session.inputType($0.type ?? .none, of: $0.name)) ?? .unknown
      },
      path: file.path, fileByteCount: file.bytes.count, irVersion: proto.irVersion,
      operatorSets: proto.operatorSets,
      producer: proto.producerVersion.isEmpty
        ? proto.producerName : "\(proto.producerName) \(proto.producerVersion)",
      metadata: proto.metadata, operatorCounts: count(graph), warnings: session.warnings)
  }

  private static func count(_ graph: GraphProto) -> [(name: String, count: Int)] {
    var counts: [String: Int] = [:]
    func visit(_ graph: GraphProto) {
      for node in graph.nodes {
        let domain = ImportSession.normal(node.domain)
        counts[domain.isEmpty ? node.operatorName : "\(domain)::\(node.operatorName)", default: 0] += 1
        for attribute in node.attributes {
          if case .graph(let region) = attribute.value { visit(region) }
        }
      }
    }
    visit(graph)
    return counts.map { (name: $0.key, count: $0.value) }.sorted { $0.name < $1.name }
  }
}
