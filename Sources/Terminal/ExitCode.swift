/// What the tool tells the shell.
package enum ExitCode: Int32, Sendable, CaseIterable {
  case success = 0
  case failure = 1
  case modelRejected = 2
  case verificationFailed = 3
  case measurementInvalid = 4
  case regression = 5
  case usage = 64

  /// For `--help`.
  package var meaning: String {
    switch self {
    case .success: "done"
    case .failure: "failed: a file, a missing library, a run that stopped"
    case .modelRejected: "the model is damaged or uses something that is not supported"
    case .verificationFailed: "results differ by more than the tolerance"
    case .measurementInvalid: "the measurement cannot be trusted (with --strict)"
    case .regression: "slower or larger than the baseline"
    case .usage: "wrong usage"
    }
  }
}
