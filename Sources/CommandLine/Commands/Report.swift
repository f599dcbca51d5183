import Host
import Reports
import Terminal

private let output = Option<String?>.value(
  "--output", short: "-o", "FILE", "write to FILE", default: nil, defaultText: "standard output"
) { (text) throws(UsageError) in text }

let reportCommand = CommandDeclaration(
  name: "report", summary: "Compares two saved reports, or makes a page of one.",
  discussion:
    "report diff A.json B.json: what changed from A to B, in reports of bench, compare and the benchmarks. Rows "
    + "are matched by what they are about: model, backend, batch, threads, variant. Differences of the host come first.\n"
    + "report html FILE.json, report markdown FILE.json: a page of a report of bench or compare.",
  arguments: [
    ArgumentDeclaration("diff|html|markdown", "what to do"),
    ArgumentDeclaration("FILE", .many, "reports written by --json"),
  ],
  options: [output.declaration, Options.json.declaration],
  examples: ["report diff before.json after.json", "report html compare.json -o compare.html"],
  exitCodes: [.success, .failure], run: report)

private func report(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let words = arguments.positional
  let (action, files) = (words[0], Array(words.dropFirst()))
  let target = try arguments.value(of: output)
  func requireFiles(_ count: Int) throws {
    guard files.count == count else {
      throw UsageError(
        "'report \(action)' takes \(counted(count, "file")), found \(files.count)",
        hint: "needletail report \(action) \(count == 1 ? "FILE.json" : "A.json B.json")")
    }
  }
  switch action {
  case "diff":
    try requireFiles(2)
    let (before, after) = (try readReport(files[0]), try readReport(files[1]))
    if before["command"]?.string != after["command"]?.string {
      console.warn("these are reports of different commands")
    }
    let diff = ReportDiff(from: before, to: after)
    try deliver(diff.lines.joined(separator: "\n"), to: target, console)
    try console.report(diff.json, to: try arguments.value(of: Options.json))
  case "html":
    try requireFiles(1)
    let saved = try readReport(files[0])
    try deliver(html(of: reportPage(saved), data: saved), to: target, console)
  case "markdown":
    try requireFiles(1)
    try deliver(markdown(of: reportPage(try readReport(files[0]))), to: target, console)
  default:
    throw UsageError(
      "unknown action '\(action)'",
      hint: nearest(to: action, in: ["diff", "html", "markdown"]).map { "did you mean '\($0)'?" }
        ?? "diff, html or markdown")
  }
  return .success
}

private func deliver(_ text: String, to target: String?, _ console: Console) throws {
  guard let target, target != "-" else {
    console.print(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    return
  }
  try writeFile(target, Array(text.utf8))
}
