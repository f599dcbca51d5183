import Needletail
import RecordedData
import Testing

/// The example of the README, as it stands there.
private func example() throws -> [Float] {
  // README
  let model = try Model(contentsOf: "Models/mnist_cnn_bn/mnist_cnn_bn.onnx")
  let compiled = try model.compile()
  let request = try compiled.makeRequest(backend: .auto)

  // One picture of 28 × 28 pixels from 0 to 1; the batch is open, so 100 of them would do as well.
  let picture = try Tensor([Float](repeating: 0.5, count: 784), sizes: [1, 1, 28, 28])
  let outputs = try request.run(["input": picture])
  let probabilities = try outputs["probabilities"]?.elements(of: Float.self)
  // end
  return probabilities ?? []
}

@Suite struct ReadmeTests {
  @Test func exampleIsTheOneThatCompiles() throws {
    let source = String(decoding: Folders.contents(of: #filePath), as: UTF8.self)
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    let first = try #require(lines.firstIndex(of: "  // README"))
    let last = try #require(lines.firstIndex(of: "  // end"))
    let example = lines[(first + 1)..<last].map { $0.dropFirst(2) }.joined(separator: "\n")
    let readme = String(decoding: Folders.contents(of: Folders.package + "/README.md"), as: UTF8.self)
    #expect(readme.contains("```swift\nimport Needletail\n\n\(example)\n```"))
  }

  @Test func exampleRuns() throws {
    // Paths in the README are relative to the package, where the tests may not be run.
    guard Folders.byteCount(of: "Models/mnist_cnn_bn/mnist_cnn_bn.onnx") > 0 else { return }
    #expect(abs(try example().reduce(0, +) - 1) < 1e-5)
  }
}

/// What the guides quote stands in the sources, word for word.
@Suite struct GuideTests {
  struct Quote: Sendable, CustomTestStringConvertible {
    var guide: String
    var file: String
    var text: String
    var testDescription: String { "\(guide): \(file)" }
  }

  /// Blocks that follow a line "In `path`:" with three backquotes and `diff`; of their lines, those that are
  /// added.
  static let quotes: [Quote] = Folders.entries(of: Folders.package + "/docs").flatMap { guide -> [Quote] in
    guard guide.hasPrefix("add-") else { return [] }
    let text = String(decoding: Folders.contents(of: "\(Folders.package)/docs/\(guide)"), as: UTF8.self)
    var quotes: [Quote] = []
    var file: String?
    var added: [Substring]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("In `"), let end = line.dropFirst(4).firstIndex(of: "`") {
        file = String(line[line.index(line.startIndex, offsetBy: 4)..<end])
      } else if line == "```diff" {
        added = []
      } else if line == "```", let lines = added {
        if let file { quotes.append(Quote(guide: guide, file: file, text: lines.joined(separator: "\n"))) }
        added = nil
      } else if added != nil, line.hasPrefix("+") {
        added?.append(line.dropFirst())
      }
    }
    return quotes
  }

  @Test(arguments: quotes)
  func quotesTheSources(_ quote: Quote) {
    let source = String(decoding: Folders.contents(of: "\(Folders.package)/\(quote.file)"), as: UTF8.self)
    #expect(!quote.text.isEmpty && source.contains(quote.text))
  }

  @Test func guidesQuote() { #expect(Self.quotes.count >= 4) }
}
