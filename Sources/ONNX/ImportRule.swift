import IR

/// How one ONNX operator, in a range of versions of the operator set, becomes an operator of the vocabulary.
///
/// ```swift
/// ImportRule("Flatten", inputs: 1...1) { node in try node.add(Flatten(axis: node.int("axis", default: 1))) }
/// ```
package struct ImportRule: Sendable {
  /// The newest version of ONNX's operator set whose changes are known here.
  package static let newestVersion: Int64 = 28

  package let operatorName: String
  /// Empty for ONNX's own.
  package let domain: String
  package let versions: ClosedRange<Int64>
  /// Operands that the file may give; the first `lowerBound` of them must not be left empty.
  package let inputs: ClosedRange<Int>
  package let outputs: ClosedRange<Int>
  /// Adds the node to the graph. Throws what it cannot express; the importer adds the node's name.
  package let build: @Sendable (NodeContext) throws(Unsupported.Reason) -> Void

  package init(
    _ operatorName: String, domain: String = "", _ versions: ClosedRange<Int64>? = nil,
    inputs: ClosedRange<Int>,
    outputs: ClosedRange<Int> = 1...1,
    build: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> Void
  ) {
    self.operatorName = operatorName
    self.domain = domain
    self.versions = versions ?? 1...ImportRules.newestVersion(of: domain)
    self.inputs = inputs
    self.outputs = outputs
    self.build = build
  }

  package init(
    _ operatorName: String, domain: String = "", since version: Int64, inputs: ClosedRange<Int>,
    outputs: ClosedRange<Int> = 1...1,
    build: @escaping @Sendable (NodeContext) throws(Unsupported.Reason) -> Void
  ) {
    self.init(
      operatorName, domain: domain, version...ImportRules.newestVersion(of: domain), inputs: inputs,
      outputs: outputs,
      build: build)
  }
}

/// Every rule, by the name of the operator.
package enum ImportRules {
  package static let all: [ImportRule] =
    convolution + linear + normalization + pooling + unary + binary + pointwise + softmax + reduction
    + shaping
    + selection + resize + generation + control + attention + transformer + contributed
    + indexing + ordering + matrices + sampling + losses
    + signal + random
    + recurrent + quantization + sequences + scans
    + text + images + learned + trees + training

  /// The newest version of each domain whose changes are known here.
  private static let newestVersions: [String: Int64] = [
    "": ImportRule.newestVersion, "ai.onnx.ml": 5, "ai.onnx.preview.training": 1, "ai.onnx.preview": 1,
    "com.microsoft": 1,
  ]

  static func knows(domain: String) -> Bool { newestVersions[domain] != nil }

  static func newestVersion(of domain: String) -> Int64 { newestVersions[domain] ?? ImportRule.newestVersion }

  /// Why operators that are known are not read.
  private static let refusals: [Key: String] = [
    Key(domain: "ai.onnx.ml", name: "CastMap"): "maps are not read as inputs",
    Key(domain: "ai.onnx.ml", name: "DictVectorizer"): "maps are not read as inputs",
  ]

  private struct Key: Hashable {
    var domain: String
    var name: String
  }

  private static let byName = Dictionary(grouping: all) { Key(domain: $0.domain, name: $0.operatorName) }

  package static func rules(for operatorName: String, domain: String = "") -> [ImportRule] {
    byName[Key(domain: domain, name: operatorName)] ?? []
  }

  /// The names of the operators that can be imported, sorted, those of other domains behind `domain::`.
  package static var operatorNames: [String] {
    byName.keys.map { $0.domain.isEmpty ? $0.name : "\($0.domain)::\($0.name)" }.sorted()
  }

  static func rule(for operatorName: String, domain: String, version: Int64) throws(Unsupported.Reason)
    -> ImportRule
  {
    let rules = rules(for: operatorName, domain: domain)
    if let rule = rules.first(where: { $0.versions.contains(version) }) { return rule }
    guard let first = rules.map(\.versions.lowerBound).min(),
      let last = rules.map(\.versions.upperBound).max()
    else {
      if let reason = refusals[Key(domain: domain, name: operatorName)] { throw .form(reason) }
      throw domain == "com.microsoft"
        ? .form("this operator of ONNX Runtime is not supported") : .unknownOperator
    }
    throw .version(found: version, known: first...last)
  }
}
