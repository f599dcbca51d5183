/// A library that a backend needs and that is not there, or is of another version.
package struct BackendUnavailable: Error, Sendable {
  /// What is missing and the package to install.
  package var reason: String
  package init(_ reason: String) { self.reason = reason }
}

package struct BackendID: Hashable, Codable, Sendable {
  package let name: String
  package init(name: String) { self.name = name }
  package static let naive = BackendID(name: "naive")
  package static let simd = BackendID(name: "simd")
  package static let openBLAS = BackendID(name: "openblas")
  package static let oneDNN = BackendID(name: "onednn")
}

/// A set of kernels, and whatever library they stand on.
package protocol Backend: Sendable {
  var id: BackendID { get }
  /// In order of preference among kernels that accept the same request.
  var kernels: [Kernel] { get }
  /// Its library and version, or its instructions, as in `OpenBLAS 0.3.21`: for reports.
  var summary: String { get }
  /// `limit`: the best instructions that it may use; nil: those of the processor. Throws where a library is missing, or
  /// cannot be kept to the limit.
  static func load(limit: InstructionSet?) throws(BackendUnavailable) -> Self
}

extension Backend {
  /// Under the limit of the environment: a library has one in all of a process.
  package static func load() throws(BackendUnavailable) -> Self { try load(limit: .ofEnvironment) }
  package var summary: String { "" }
}
