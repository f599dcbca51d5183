import Glibc
import ONNX

/// How `CompiledModel.export(to:_:)` writes a model.
public struct ExportOptions: Sendable, Hashable {
  /// The version of ONNX's own operators, 18 to 28; nil: 20, or the lowest above it that has a form for every node.
  public var operatorSet: Int?
  /// Weights go to a file of their own, `NAME.data` beside the model. Without it they do where one file would have more
  /// than 2 GiB, which readers refuse.
  public var separatesWeights: Bool

  public init(operatorSet: Int? = nil, separatesWeights: Bool = false) {
    self.operatorSet = operatorSet
    self.separatesWeights = separatesWeights
  }
}

/// What `CompiledModel.export(to:_:)` wrote.
public struct ExportReport: Sendable, Hashable {
  /// The version of ONNX's own operators.
  public var operatorSet: Int
  /// Versions of other domains in use.
  public var domains: [String: Int]
  /// Nodes by operator, with those of inner graphs; operators of other domains behind `domain::`.
  public var operatorCounts: [String: Int]
  public var nodeCount: Int
  public var byteCount: Int
  /// The file of weights; nil: they are in the model.
  public var dataPath: String?
  public var dataByteCount: Int
}

extension Model {
  /// Writes the optimized graph as an ONNX model of standard operators, for other engines.
  ///
  /// ```swift
  /// try Model(contentsOf: "resnet50.onnx").export(to: "optimized.onnx")
  /// ```
  /// The same as `compile(_:)` and `CompiledModel.export(to:_:)`, but that quantized weights stay quantized behind a
  /// DequantizeLinear, by which other engines know them.
  @discardableResult
  public func export(
    to path: String, optimization: Optimization = .full, _ options: ExportOptions = ExportOptions()
  ) throws -> ExportReport {
    var compiling = CompileOptions(optimization: optimization)
    compiling.keepsQuantizedWeights = true
    return try compile(compiling).export(to: path, options)
  }
}

extension CompiledModel {
  /// Writes the graph as the passes left it as an ONNX model of standard operators; see `Model.export(to:optimization:_:)`.
  ///
  /// Inputs and outputs keep their names and types, nodes their names. What passes fused is written as the operators that
  /// it stands for, in the order in which they compute; each weight is written once. Nothing stands under `path` before
  /// the whole is written. Throws `modelRejected` with every node that has no form in the operator set, `usage` for a
  /// version that cannot be written, and `unreadableFile` when the file cannot be.
  @discardableResult
  public func export(to path: String, _ options: ExportOptions = ExportOptions()) throws -> ExportReport {
    var inner = ONNX.ExportOptions()
    inner.operatorSet = options.operatorSet.map { Int64($0) }
    inner.separatesWeights = options.separatesWeights
    inner.producerVersion = Engine.version
    inner.metadata = metadata
    let source = origin.producer.isEmpty ? "" : " of a model by \(origin.producer)"
    inner.documentation = "Optimized (\(self.options.optimization.rawValue)) by Needletail\(source)."
    let file: ExportedFile
    do throws(ExportError) {
      file = try Exporter.write(graph, declaredOutputs: declaredOutputs, to: path, inner)
    } catch { throw EngineError(error, path: path) }
    return ExportReport(
      operatorSet: Int(file.operatorSet),
      domains: Dictionary(uniqueKeysWithValues: file.domains.map { ($0.name, Int($0.version)) }),
      operatorCounts: Dictionary(uniqueKeysWithValues: file.operatorCounts.map { ($0.name, $0.count) }),
      nodeCount: file.nodeCount, byteCount: file.byteCount, dataPath: file.data?.path,
      dataByteCount: file.data?.byteCount ?? 0)
  }
}

extension EngineError {
  init(_ error: ExportError, path: String) {
    switch error {
    case .unwritable:
      self.init(.modelRejected, subject: path, expectation: "", finding: error.description)
    case .opset(let asked, let known):
      self.init(
        .usage, subject: path, expectation: "an operator set from \(known.lowerBound) to \(known.upperBound)",
        finding: "\(asked)")
    case .constant: self.init(.runFailed, subject: path, expectation: "", finding: error.description)
    case .writing: self.init(.unreadableFile, subject: "", expectation: "", finding: error.description)
    }
  }
}
