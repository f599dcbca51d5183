import CompiledFile
import Compiler

/// The engine itself: its version, and what compiled models depend on beside their model.
public enum Engine {
  public static let version = "0.1.0"

  /// Choices of kernels and packed weights hold where all of these are the same.
  static var key: [CompiledFile.KeyPart] {
    let registry = Backends.shared.registry
    return [
      CompiledFile.KeyPart(name: "engine", value: version),
      CompiledFile.KeyPart(name: "kernels", value: registry.kernelDigest),
    ] + registry.summaries.map { CompiledFile.KeyPart(name: $0.id.name, value: $0.summary) }
  }
}
