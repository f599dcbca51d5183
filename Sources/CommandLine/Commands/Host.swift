import Host
import Kernels
import Needletail
import Reports
import Terminal

private let ceilings = Option<Bool>.flag(
  "--ceilings", "measure what the processor and its memory can do at most: the roofs of rooflines")

let hostCommand = CommandDeclaration(
  name: "host",
  summary: "Shows the processor, its caches, the threads that may be used and why, and the backends.",
  options: [
    Options.threads.declaration, Options.isa.declaration, ceilings.declaration, Options.json.declaration,
  ],
  examples: ["host", "host --ceilings", "host --json -"],
  exitCodes: [.success], run: host)

private func host(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let threads = try arguments.value(of: Options.threads)
  let facts = HostFacts.read()
  console.print("processor  \(facts.processor)")
  console.print(
    "features   \(facts.features.isEmpty ? "none that kernels know" : facts.features.joined(separator: " "))")
  for (i, cache) in facts.caches.enumerated() {
    let size = cache.byteCount >= 1 << 20 ? "\(cache.byteCount >> 20) MiB" : "\(cache.byteCount >> 10) KiB"
    console.print(
      "\(i == 0 ? "caches   " : "         ")  L\(cache.level) \(cache.kind) \(size), "
        + "shared by processors \(cache.sharedBy)")
  }
  console.print("kernels    \(instructionText())")
  console.print("threads    \(ThreadBudget(requested: threads).explanation)")
  let limit = facts.memoryLimit.map { ", the control group allows \(grouped($0 >> 20)) MiB" } ?? ""
  console.print(
    "memory     \(grouped(facts.memoryByteCount >> 20)) MiB\(limit); a model may take "
      + "\(grouped(MemoryBudget.bytes() >> 20)) MiB")
  let backends = Backends.shared
  for (i, description) in backends.descriptions.enumerated() {
    console.print("\(i == 0 ? "backends " : "         ")  \(pad(description.name, 9)) \(description.detail)")
  }
  for missing in backends.missing {
    console.print("           \(pad(missing.backend.rawValue, 9)) missing: \(missing.reason)")
  }
  var measured: [Ceilings] = []
  if try arguments.value(of: ceilings) {
    for count in Set([1, ThreadBudget(requested: threads).threads]).sorted() {
      measured.append(try Ceilings.measure(threads: count))
    }
    print(measured, console)
  }
  try console.report(
    .object([
      ("schema", .integer(1)), ("command", .string("host")), ("host", hostJSON(threads: threads)),
      ("threads_explained", .string(ThreadBudget(requested: threads).explanation)),
      (
        "backends",
        .array(
          backends.descriptions.map { .object([("name", .string($0.name)), ("detail", .string($0.detail))]) })
      ),
      (
        "missing",
        .array(
          backends.missing.map {
            .object([("name", .string($0.backend.rawValue)), ("reason", .string($0.reason))])
          })
      ),
      ("ceilings", .array(measured.map(ceilingsJSON))),
    ]), to: try arguments.value(of: Options.json))
  return .success
}

private func print(_ measured: [Ceilings], _ console: Console) {
  if let competition = HostFacts.competition() { console.warn(competition) }
  guard let first = measured.first else { return }
  console.print()
  var table = TextTable(["ceiling"] + measured.map { ">\(counted($0.threads, "thread"))" })
  table.add(
    ["f32 multiply-add, \(first.isa)"]
      + measured.map { "\(significant($0.operationsPerSecond / 1e9)) GFLOP/s" })
  for (i, level) in first.levels.enumerated() {
    table.add(
      ["read \(level.name)"] + measured.map { "\(significant($0.levels[i].bytesPerSecond / 1e9)) GB/s" })
  }
  console.print(table)
}

func ceilingsJSON(_ ceilings: Ceilings) -> JSON {
  .object(
    [("threads", .integer(ceilings.threads)), ("isa", .string(ceilings.isa))]
      + ceilings.figures.map { ($0.name, .number($0.value)) })
}
