/// Why a worker gave no answer that counts.
package enum WorkerError: Error, Hashable, CustomStringConvertible {
  case cannotStart(String)
  /// `lastWords`: the end of its standard error.
  case ended(how: String, lastWords: String)
  case silent(verb: String, seconds: Double)
  case unsupported(String)
  case refused(String)
  /// An answer that is no answer.
  case answer(verb: String, String)

  package var description: String {
    switch self {
    case .cannotStart(let reason): "cannot be started: \(reason)"
    case .ended(let how, let words): "ended with \(how)" + (words.isEmpty ? "" : ": \(words)")
    case .silent(let verb, let seconds): "gave no answer to '\(verb)' within \(Int(seconds.rounded(.up))) s"
    case .unsupported(let reason): reason
    case .refused(let message): message
    case .answer(let verb, let what): "answered '\(verb)' with nonsense: \(what)"
    }
  }

  /// One word for reports.
  package var kind: String {
    switch self {
    case .cannotStart: "absent"
    case .ended: "crashed"
    case .silent: "timed_out"
    case .unsupported: "unsupported"
    case .refused: "failed"
    case .answer: "failed"
    }
  }
}
