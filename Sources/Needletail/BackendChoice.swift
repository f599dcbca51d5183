import Compiler
import Kernels
import NaiveKernels
import OneDNNKernels
import OpenBLASKernels
import SIMDKernels

/// Who computes a run. Any compiled model serves all of them.
public enum BackendChoice: String, Sendable, Hashable, CaseIterable {
  /// Plain Swift: the meaning of every operator, and the oracle of the others.
  case naive
  /// Our own kernels for the processor at hand.
  case simd
  /// Matrix products and convolutions through OpenBLAS.
  case openblas
  /// oneDNN's primitives.
  case onednn
  /// For each node, and for the whole, whatever was measured to be the fastest.
  case auto

  var selection: Selection {
    switch self {
    case .naive: .backend(.naive)
    case .simd: .backend(.simd)
    case .openblas: .backend(.openBLAS)
    case .onednn: .backend(.oneDNN)
    case .auto: .auto
    }
  }
}

/// The backends of this process.
public struct Backends: Sendable {
  /// Loaded once, at first use.
  public static let shared = Backends()

  package let registry: BackendSet
  /// What our own kernels use: the best of the processor within the limit.
  public let instructions: Instructions
  /// What no backend goes beyond; nil: the processor is the limit.
  public let limit: Instructions?

  /// What is there: naive and simd always, the others when their library is.
  public var available: [BackendChoice] {
    registry.available.compactMap { BackendChoice(rawValue: $0.name) } + [.auto]
  }

  /// What is not there, and the package to install.
  public var missing: [(backend: BackendChoice, reason: String)] {
    registry.missing.compactMap { missing in
      BackendChoice(rawValue: missing.id.name).map { ($0, missing.reason) }
    }
  }

  /// Throws, with the reason, when `choice` is not there.
  public func require(_ choice: BackendChoice) throws(EngineError) {
    guard let missing = missing.first(where: { $0.backend == choice }) else { return }
    throw EngineError(
      .backendUnavailable, subject: "backend \(choice.rawValue)", expectation: "", finding: missing.reason)
  }

  private init() {
    var loaded: [any Backend] = []
    var missing: [BackendSet.Missing] = []
    let limit = Self.settledLimit()
    func load<B: Backend>(_ type: B.Type, _ id: BackendID) {
      do throws(BackendUnavailable) { loaded.append(try B.load(limit: limit)) } catch {
        missing.append(BackendSet.Missing(id: id, reason: error.reason))
      }
    }
    load(SIMDBackend.self, .simd)
    load(OneDNNBackend.self, .oneDNN)
    load(OpenBLASBackend.self, .openBLAS)
    load(NaiveBackend.self, .naive)
    registry = BackendSet(loaded, missing: missing)
    let own = loaded.lazy.compactMap { ($0 as? SIMDBackend)?.isa }.first ?? .portable
    instructions = Instructions(own)
    self.limit = limit.map { Instructions($0) }
  }
}
