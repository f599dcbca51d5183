import Reports
import Terminal

extension ReadmeFigures {
  static let begin =
    "<!-- The tables up to the next comment are written by 'needletail-benchmarks readme'. -->"
  static let end = "<!-- end of the tables -->"

  /// The tables that stand between the two comments.
  package var markdown: String {
    var blocks: [String] = []
    if !variants.isEmpty {
      let batches = sentence(variants.map(\.batch)), threads = sentence(variants.map(\.threads))
      blocks.append(
        "Milliseconds per batch, median, on \(processor); batch \(batches), threads \(threads); "
          + "`needletail compare MODEL --batch \(batches)`:")
      blocks.append(markdownTable(variantTable))
    }
    if !peers.isEmpty {
      blocks.append(
        "Beside other engines: each in a process of its own, in turns, on the same files, inputs and threads. The ratio is "
          + "their time over ours with the 95 % interval of its median: above 1 needletail is faster, under 5 % is a tie. The "
          + "other engine is the fastest of that row that computes in f32; `Benchmarks/Peers/run` measures all of them:"
      )
      blocks.append(markdownTable(peerTable))
      let mean = geometricMean(peers.map(\.ratio.median))
      func count(_ verdict: PeerCell.Verdict) -> Int { peers.count { $0.verdict == verdict.rawValue } }
      blocks.append(
        "Geometric mean of the ratios: \(mean.map { significant($0, 3) } ?? "none"); faster in \(count(.faster)), tie in "
          + "\(count(.tie)), slower in \(count(.slower)). Engines: \(versions.joined(separator: ", ")).")
    }
    return blocks.joined(separator: "\n\n")
  }

  private func sentence(_ numbers: [Int]) -> String {
    Set(numbers).sorted().map(String.init).joined(separator: ",")
  }

  private var variantTable: Page.Table {
    let hasBatches = Set(variants.map(\.batch)).count > 1
    var table = Page.Table(
      "",
      [Page.Column("Model"), Page.Column("Backend")] + (hasBatches ? [.number("Batch")] : [])
        + [.number("Original"), .number("Optimized"), .number("Faster")])
    for row in variants {
      table.rows.append(
        [row.model, row.backend] + (hasBatches ? ["\(row.batch)"] : [])
          + [
            row.original.text, row.optimized.text,
            "\(fixed(row.speedup, 2))×\(row.isValid ? "" : " INVALID")",
          ])
    }
    return table
  }

  private var peerTable: Page.Table {
    var table = Page.Table(
      "",
      [
        Page.Column("Model"), .number("Batch"), .number("Threads"), .number("needletail, ms"),
        Page.Column("Best f32 engine"), .number("Its time, ms"), .number("Ratio"),
        Page.Column("Needletail is"),
      ])
    for row in peers {
      table.rows.append([
        row.model, "\(row.batch)", "\(row.threads)", row.ours.text, row.best, row.theirs.text,
        row.ratio.textWithInterval,
        (row.verdict == "tie" ? "as fast" : row.verdict)
          + (row.isValid ? "" : " (INVALID: the machine was not quiet)"),
      ])
    }
    return table
  }

  /// `text` with the tables of these figures. Throws when it lacks the two comments.
  package func written(into text: String) throws(ToolError) -> String {
    guard let begin = text.range(of: Self.begin), let end = text[begin.upperBound...].range(of: Self.end)
    else {
      throw ToolError("expected the comments '\(Self.begin)' and '\(Self.end)', one after the other")
    }
    return text[..<begin.upperBound] + "\n\n" + markdown + "\n\n" + text[end.lowerBound...]
  }
}

extension StringProtocol {
  /// Where `other` stands for the first time.
  fileprivate func range(of other: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      let rest = self[start...]
      if rest.hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
      formIndex(after: &start)
    }
    return nil
  }
}
