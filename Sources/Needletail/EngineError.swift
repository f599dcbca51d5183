/// The one error of the library: what it is about, what was expected, what was found, and what to do.
///
/// ```swift
/// do { try request.run(["input": image]) } catch let error as EngineError { print(error) }
/// ```
public struct EngineError: Error, Sendable, Hashable {
  /// What kind of trouble, so that callers and exit codes can tell them apart.
  public enum Kind: String, Sendable, Hashable {
    /// The model file is damaged, hostile, or uses something that is not supported.
    case modelRejected
    /// A file cannot be opened.
    case unreadableFile
    /// A backend cannot be had: a library is missing.
    case backendUnavailable
    /// An input is missing, or has another name, type or shape than the model's.
    case wrongInput
    /// The run stopped: an index in the data, a division by zero, memory.
    case runFailed
    /// The request itself makes no sense.
    case usage
  }

  public var kind: Kind
  /// The file, node, input or backend.
  public var subject: String
  public var expectation: String
  public var finding: String
  public var hint: String?

  public init(_ kind: Kind, subject: String, expectation: String, finding: String, hint: String? = nil) {
    self.kind = kind
    self.subject = subject
    self.expectation = expectation
    self.finding = finding
    self.hint = hint
  }
}

extension EngineError: CustomStringConvertible {
  /// `input 'x': expected float32[1,3], found float32[1,4]; …`
  public var description: String {
    var text = subject.isEmpty ? "" : "\(subject): "
    text += expectation.isEmpty ? finding : "expected \(expectation), found \(finding)"
    if let hint { text += " (\(hint))" }
    return text
  }
}
