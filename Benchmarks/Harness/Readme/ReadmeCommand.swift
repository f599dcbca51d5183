import Reports
import Terminal

private let check = Option<Bool>.flag("--check", "write nothing; exit with 1 when README.md differs")
private let collect = Option<Bool>.flag(
  "--collect", "first take the figures out of the reports named, which replace those in the file")

package let readmeCommand = CommandDeclaration(
  name: "readme", summary: "Writes README.md's tables of measured numbers.",
  discussion:
    "The numbers stand in Benchmarks/results/readme-measured.json, which is made of reports of 'needletail "
    + "compare' and 'needletail-benchmarks peers' by --collect. Benchmarks/measure-readme measures and does both.",
  arguments: [ArgumentDeclaration("REPORT", .any, "JSON files, with --collect")],
  options: [check.declaration, collect.declaration],
  examples: ["readme", "readme --check", "readme --collect compare-1.json compare-2.json peers.json"],
  exitCodes: [.success, .failure], run: readme)

extension Repository {
  package var readme: String { root + "/README.md" }
  package var readmeFigures: String { results + "/readme-measured.json" }
}

private func readme(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let repository = try Repository.find()
  let collects = try arguments.value(of: collect)
  let checks = try arguments.value(of: check)
  guard collects != arguments.positional.isEmpty else {
    throw UsageError("reports and --collect go together")
  }
  if collects {
    if checks { throw UsageError("--collect and --check exclude each other") }
    var figures = ReadmeFigures()
    for path in arguments.positional {
      let text = try readTextFile(path)
      do { try figures.add(try JSON.parse(text)) } catch let error as ToolError {
        throw ToolError("\(path): \(error.message)")
      } catch { throw ToolError("\(path): \(error)") }
    }
    try replaceFile(repository.readmeFigures, figures.json.text)
    console.log("written: \(repository.readmeFigures)")
  }
  let old = try readTextFile(repository.readme)
  let new = try expectedReadme(repository, old)
  if old == new {
    console.print("README.md holds the numbers of \(repository.readmeFigures)")
    return .success
  }
  if checks {
    console.error(
      "README.md does not hold the numbers of \(repository.readmeFigures): run 'needletail-benchmarks readme'"
    )
    return .failure
  }
  try replaceFile(repository.readme, new)
  console.log("written: \(repository.readme)")
  return .success
}

/// What the README should hold.
package func expectedReadme(_ repository: Repository, _ old: String) throws -> String {
  let figures: ReadmeFigures
  let text = try readTextFile(repository.readmeFigures)
  do { figures = try ReadmeFigures(parsing: text) } catch let error as ToolError {
    throw ToolError("\(repository.readmeFigures): \(error.message)")
  } catch { throw ToolError("\(repository.readmeFigures): \(error)") }
  return try figures.written(into: old)
}
