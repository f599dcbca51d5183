import Glibc
import Host
import Measurement
import Needletail
import Reports
import Terminal

private let threadsOption = Option<[Int]>.value(
  "--threads", "LIST", "numbers of threads, such as 1,2", default: [1], defaultText: "1", Read.counts)

private let batchOption = Option<[Int]>.value(
  "--batch", "LIST", "items at once, such as 1,8", default: [1], defaultText: "1", Read.counts)

private let secondsOption = Option<Double>.value(
  "--seconds", "T", "at least so many seconds of each candidate", default: 0.2, defaultText: "0.2",
  Read.seconds)

private let quickOption = Option<Bool>.flag(
  "--quick", "a tenth of the time for each, for a look at one or two files in a minute")

private let onlyOption = Option<String?>.value(
  "--only", "TEXT", "only layers whose shape or name holds this", default: nil
) { (text) throws(UsageError) in text }

private func fileOption(_ name: String, _ form: String) -> Option<String?> {
  .value(name, "FILE", "write the report as \(form)", default: nil) { (text) throws(UsageError) in text }
}

private let markdownOption = fileOption("--markdown", "Markdown tables")
private let htmlOption = fileOption("--html", "one self-contained page")

let kernelsCommand = CommandDeclaration(
  name: "kernels", summary: "Measures every kernel for every layer, and checks the compiler's picks.",
  discussion:
    "Each layer of the files runs alone on every kernel that the compiler considers, weights packed, in turns; "
    + "results are compared with naive's. The compiler's pick comes from the code that chooses in a model. A pick that "
    + "is over 5 % slower than the best candidate, with intervals apart, is measured once more, and then fails the "
    + "command, as does a wrong result.",
  arguments: [
    ArgumentDeclaration("FILE", .any, "files of Benchmarks/Shapes; all of them when none is named")
  ],
  options: [
    threadsOption.declaration, batchOption.declaration, secondsOption.declaration, quickOption.declaration,
    onlyOption.declaration, reportOption.declaration, markdownOption.declaration, htmlOption.declaration,
  ],
  examples: [
    "kernels Benchmarks/Shapes/squeezenet1_1.txt --quick",
    "kernels --threads 1,2 --batch 1,8 --html kernels.html",
  ],
  exitCodes: [.success, .failure], run: kernels)

private func kernels(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let html = try arguments.value(of: htmlOption)
  if html != nil { try Gnuplot.require() }
  let files = try shapeFiles(arguments.positional)
  let isQuick = try arguments.value(of: quickOption)
  let seconds = try arguments.value(of: secondsOption) * (isQuick ? 0.1 : 1)
  let only = try arguments.value(of: onlyOption)
  if let competition = HostFacts.competition() { console.warn(competition) }
  var layers: [MeasuredLayer] = []
  for threads in try arguments.value(of: threadsOption) {
    let budget = ThreadBudget(requested: threads)
    if budget.threads != threads { throw ToolError("--threads \(threads): only \(budget.explanation)") }
    let ceilings = try Ceilings.measure(threads: threads)
    for batch in try arguments.value(of: batchOption) {
      let benchmark = KernelBenchmark(
        limits: limits(seconds), batch: batch, ceilings: ceilings)
      for file in files {
        for (i, layer) in file.shapes.layers.enumerated() {
          let text = layer.shapeText
          if let only, !text.contains(only), !layer.graph.name.contains(only) { continue }
          console.progress(
            "\(file.name), \(counted(threads, "thread")): \(text)",
            Double(i) / Double(file.shapes.layers.count))
          var measured = try benchmark.measure(layer, of: file.name)
          if measured.slowPick != nil {
            let longer = KernelBenchmark(limits: limits(3 * seconds), batch: batch, ceilings: ceilings)
            measured = try longer.measure(layer, of: file.name)
          }
          layers.append(measured)
        }
      }
    }
  }
  console.clearProgress()
  if layers.isEmpty { throw ToolError("no layer holds '\(only ?? "")'") }
  let report = KernelReport(layers: layers, seconds: seconds)
  report.print(console)
  try console.report(report.json, to: try arguments.value(of: reportOption))
  if let file = try arguments.value(of: markdownOption) {
    try writeFile(file, Array(markdown(of: report.page).utf8))
  }
  if let html { try writeFile(html, Array(Reports.html(of: report.page, data: report.json).utf8)) }
  return report.problems.isEmpty ? .success : .failure
}

private func limits(_ seconds: Double) -> MeasurementLimits {
  MeasurementLimits(
    minimumRuns: 12, minimumSeconds: seconds, maximumSeconds: max(1, 10 * seconds),
    turnSeconds: min(0.004, max(0.0005, seconds / 10)))
}

/// A shape file and what it is called, which is its name without the ending.
private func shapeFiles(_ paths: [String]) throws -> [(name: String, shapes: ShapeFile)] {
  var paths = paths
  if paths.isEmpty {
    let folder = "Benchmarks/Shapes"
    paths = folderEntries(folder).filter { $0.hasSuffix(".txt") }.map { "\(folder)/\($0)" }
    if paths.isEmpty {
      throw ToolError("no files in \(folder): name some, or run this in the package's folder")
    }
  }
  var files: [(name: String, shapes: ShapeFile)] = []
  for path in paths {
    let name =
      path.split(separator: "/").last.map { String($0.hasSuffix(".txt") ? $0.dropLast(4) : $0) } ?? path
    files.append((name, try ShapeFile(text: try readText(path), name: path)))
  }
  return files
}

/// The text of a file; throws what the system says.
func readText(_ path: String) throws -> String {
  guard let file = fopen(path, "rb") else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&part, 1, part.count, file)
    bytes += part[..<count]
    if count == 0 { break }
  }
  if ferror(file) != 0 { throw ToolError("\(path): cannot be read") }
  return String(decoding: bytes, as: UTF8.self)
}
