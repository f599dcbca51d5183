import Glibc
import Host
import Kernels
import Needletail
import Runtime
import Terminal

/// What a fresh process needs for a model's first answer.
struct FreshFigures: Sendable {
  var peakBytes = 0
  /// Peak before the model was read.
  var baseBytes = 0
  var readNanoseconds: UInt64 = 0
  var compileNanoseconds: UInt64 = 0
  var planNanoseconds: UInt64 = 0
  var firstRunNanoseconds: UInt64 = 0

  /// Read, passes and plan.
  var loadNanoseconds: UInt64 { readNanoseconds + compileNanoseconds + planNanoseconds }

  var text: String {
    "\(peakBytes) \(baseBytes) \(readNanoseconds) \(compileNanoseconds) \(planNanoseconds) \(firstRunNanoseconds)"
  }

  init() {}

  init?(_ text: String) {
    let numbers = text.split { $0 == " " || $0 == "\n" }.compactMap { UInt64($0) }
    guard numbers.count == 6 else { return nil }
    peakBytes = Int(clamping: numbers[0])
    baseBytes = Int(clamping: numbers[1])
    (readNanoseconds, compileNanoseconds) = (numbers[2], numbers[3])
    (planNanoseconds, firstRunNanoseconds) = (numbers[4], numbers[5])
  }
}

let freshRunCommand = CommandDeclaration(
  name: "fresh-run",
  summary: "Loads, compiles and runs once; prints its peak memory and times for 'compare'.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file")],
  options: [
    Options.backend.declaration, Options.batch.declaration, Options.threads.declaration,
    Options.size.declaration, Options.seed.declaration,
  ] + Options.compiling,
  examples: [], exitCodes: [.success, .failure], isHidden: true, run: freshRun)

private func freshRun(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let backend = try arguments.value(of: Options.backend)
  let maker = InputMaker(
    batch: try arguments.value(of: Options.batch), sizes: try arguments.value(of: Options.size),
    seed: try arguments.value(of: Options.seed), memoryLimit: try arguments.value(of: Options.maxMemory))
  _ = Backends.shared
  var figures = FreshFigures()
  figures.baseBytes = peakResidentBytes()
  let start = monotonicNanoseconds()
  let model = try Model(contentsOf: arguments.positional[0])
  let read = monotonicNanoseconds()
  let compiled = try model.compile(try arguments.compileOptions())
  let passes = monotonicNanoseconds()
  let values = try maker.values(for: model)
  let request = try compiled.makeRequest(backend: backend, threads: try arguments.value(of: Options.threads))
  let made = monotonicNanoseconds()
  _ = try request.planFacts(for: values)
  let planned = monotonicNanoseconds()
  _ = try request.run(values: values)
  figures.firstRunNanoseconds = monotonicNanoseconds() - planned
  (figures.readNanoseconds, figures.compileNanoseconds, figures.planNanoseconds) = (
    read - start, passes - read, planned - made
  )
  figures.peakBytes = peakResidentBytes()
  console.print(figures.text)
  return .success
}

/// The most memory that this process ever had in use, by the line `VmHWM`.
func peakResidentBytes() -> Int {
  for line in (readSmallFile("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("VmHWM:")
  {
    return (line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }
  return 0
}

/// Figures of a fresh process for one variant; nil, with a note, when it did not get through.
func freshFigures(
  _ model: Model, _ variant: Variant, _ backend: BackendChoice, batch: Int?, _ maker: InputMaker,
  threads: Int?,
  isStrict: Bool, _ console: Console
) throws -> FreshFigures? {
  var words = [
    "fresh-run", model.path, "--backend", backend.rawValue, "--optimize", variant.optimization.rawValue,
    "--seed", "\(maker.seed)",
  ]
  if let batch { words += ["--batch", "\(batch)"] }
  if let threads { words += ["--threads", "\(threads)"] }
  for (name, size) in maker.sizes.sorted(by: { $0.key < $1.key }) { words += ["--size", "\(name)=\(size)"] }
  if isStrict { words.append("--strict-numerics") }
  let result = try Subprocess.runSelf(words)
  if let figures = FreshFigures(result.output), result.exitCode == 0 { return figures }
  let end = result.signal.map { "signal \($0)" } ?? "exit code \(result.exitCode ?? -1)"
  console.warn(
    "no memory figures for \(variant.rawValue) on \(backend.rawValue): the process ended with \(end)")
  return nil
}
