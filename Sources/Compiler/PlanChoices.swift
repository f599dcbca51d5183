import IR
import Synchronization

/// How the kernels of one region were chosen: enough to choose them again, without measuring.
package struct PlanChoice: Hashable, Sendable {
  /// The backend whose kernels were asked for; nil: those of all.
  package var backend: String?
  /// For each round of the assignment, the position among its candidates that each node took.
  package var rounds: [[Int32]]
  /// The kernels of the last round: other names mean that the candidates are not those of then.
  package var kernels: [String]
  /// For each chain of steps that could, whether it runs in row bands.
  package var bands: [Bool]
  /// Constants that the plan needs beside packed weights.
  package var constants: Set<ConstantID>

  package init(
    backend: String?, rounds: [[Int32]], kernels: [String], bands: [Bool], constants: Set<ConstantID>
  ) {
    self.backend = backend
    self.rounds = rounds
    self.kernels = kernels
    self.bands = bands
    self.constants = constants
  }
}

/// The choices made for the regions of a model, by what decides them: kept with a compiled file.
package final class PlanChoices: Sendable {
  package struct Key: Hashable, Sendable {
    /// Of the region's text with all sizes bound.
    package var region: ConstantID
    /// Of the options that tell which kernels are candidates.
    package var options: String
    package var threads: Int

    package init(region: ConstantID, options: String, threads: Int) {
      self.region = region
      self.options = options
      self.threads = threads
    }
  }

  private let made: Mutex<[Key: PlanChoice]>
  /// What a compiled file holds. Only these serve other numbers of threads: what is made here would depend on which
  /// number of threads was planned first.
  private let stored: [Key: PlanChoice]

  package init(_ choices: [Key: PlanChoice] = [:]) {
    made = Mutex(choices)
    stored = choices
  }

  package var all: [Key: PlanChoice] { made.withLock { $0 } }
  var isSingle: Bool { made.withLock { $0.count == 1 } }

  /// What was chosen for `key`; where nothing was, what a compiled file holds for the nearest number of threads.
  func choice(for key: Key) -> PlanChoice? {
    if let exact = made.withLock({ $0[key] }) { return exact }
    let others = stored.filter { $0.key.region == key.region && $0.key.options == key.options }
    return others.min {
      (abs($0.key.threads - key.threads), $0.key.threads) < (
        abs($1.key.threads - key.threads), $1.key.threads
      )
    }?.value
  }

  /// A model that is planned for ever new sizes keeps the first of them: memory stays bounded.
  private static let capacity = 256

  func keep(_ choice: PlanChoice, for key: Key) {
    made.withLock { made in if made.count < Self.capacity { made[key] = choice } }
  }
}

extension PlanChoices.Key {
  init(_ region: Graph, _ options: PlanOptions) {
    var text = GraphText.Options()
    text.elementLimit = 0
    let selection =
      switch options.selection {
      case .auto: "auto"
      case .backend(let id): id.name
      }
    let numerics = options.allowed.map { "\($0)" }.sorted().joined(separator: ",")
    self.init(
      region: ConstantID(of: region.text(text)),
      options: "\(selection) \(numerics)\(options.keepsFileLayout ? " file layout" : "")",
      threads: options.threads)
  }
}
