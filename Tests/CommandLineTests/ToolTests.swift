import Foundation
import Reports
import TestSupport
import Testing

/// Runs the tool as its users do: a process, its output and its exit code.
@Suite struct ToolTests {
  private struct Outcome {
    var code: Int32
    var output: String
    var errors: String
  }

  /// The tool lies beside the bundle of the tests.
  private func run(_ words: String...) throws -> Outcome { try run(words: words) }

  private func run(words: [String], _ variables: [String: String] = [:]) throws -> Outcome {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(
      "needletail")
    process.arguments = words
    // No test depends on what was measured before.
    process.environment = ProcessInfo.processInfo.environment.merging(["NEEDLETAIL_TUNING_TABLE": "none"]) {
      $1
    }.merging(variables) { $1 }
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // The errors of a test are short: they fit into the pipe while the output is read.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit, "the tool crashed: \(complaint)")
    return Outcome(code: process.terminationStatus, output: text, errors: complaint)
  }

  private func tinyModel(_ folder: TemporaryFolder) -> String { folder.write("tiny.onnx", TinyModel.bytes()) }

  @Test func wrongUsageIs64() throws {
    #expect(try run().code == 64)
    let unknown = try run("comare", "m.onnx")
    #expect(unknown.code == 64)
    #expect(unknown.errors.contains("did you mean 'compare'?"))
    #expect(unknown.output.isEmpty)
    #expect(try run("run", "m.onnx", "--no-such-option").code == 64)
    #expect(try run("run", "m.onnx", "--backend", "gpu").code == 64)
    #expect(try run("bench", "m.onnx", "--batch", "0").code == 64)
    #expect(try run("accuracy", "m.onnx").code == 64)
  }

  @Test func helpAndVersionAreNoErrors() throws {
    #expect(try run("--help").code == 0)
    #expect(try run("run", "--help").output.contains("--output-dir DIR"))
    #expect(try run("help", "bench").output.contains("needletail bench MODEL"))
    #expect(try run("--version").output.hasPrefix("needletail "))
  }

  @Test func instructionsAreLimitedEverywhere() throws {
    let whole = try #require(try JSON.parse(try run("host", "--json", "-").output)["host"])
    let best = try #require(whole["instructions"]?.string)
    let hasNoMore = best == "portable" && whole["limit"] == nil
    let limited = try JSON.parse(try run("host", "--isa", "portable", "--json", "-").output)
    #expect(limited["host"]?["instructions"]?.string == "portable")
    #expect(limited["host"]?["limit"]?.string == (hasNoMore ? nil : "portable"))
    for text in limited["host"]?["libraries"]?.array?.compactMap(\.string) ?? [] {
      #expect(!["avx", "Haswell", "Zen", "Skylake", "Cooperlake"].contains { text.contains($0) }, "\(text)")
    }
    #expect(try run("host", "--isa", "sse9").code == 64)
    let other = try run("host", "--isa", best == "neon" ? "avx2" : "neon")
    #expect(other.code == 64)
    #expect(other.errors.contains("expected portable"))
  }

  @Test func hostMeasuresCeilings() throws {
    let outcome = try run("host", "--ceilings", "--threads", "1")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("f32 multiply-add"))
    #expect(outcome.output.contains("read DRAM"))
  }

  @Test func missingFilesAreNamed() throws {
    let outcome = try run("run", "/no/such/model.onnx")
    #expect(outcome.code == 1)
    #expect(outcome.errors.contains("/no/such/model.onnx"))
    #expect(outcome.errors.contains("no such file"))
  }

  @Test func damagedModelsAreRejected() throws {
    let folder = TemporaryFolder()
    let bytes = TinyModel.bytes()
    for count in [1, 10, bytes.count / 2, bytes.count - 1] {
      let path = folder.write("cut.onnx", Array(bytes.prefix(count)))
      for command in ["inspect", "check", "run"] {
        let outcome = try run(command, path)
        #expect(outcome.code == 2, "\(command), \(count) bytes: \(outcome.errors)")
      }
    }
  }

  @Test func unsupportedOperatorsAreNamedWithTheirNode() throws {
    let folder = TemporaryFolder()
    let path = folder.write("odd.onnx", TinyModel.bytes(operatorName: "NoSuchOperator"))
    let check = try run("check", path)
    #expect(check.code == 2)
    #expect(check.output.contains("NoSuchOperator"))
    #expect(check.output.contains("'last'"))
    #expect(try run("compile", path).code == 2)
    let json = try run("check", path, "--json", "-")
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    let item = try #require((object?["unsupported"] as? [[String: Any]])?.first)
    #expect(item["subject"] as? String == "last")
    #expect(item["operator"] as? String == "NoSuchOperator")
    #expect(item["opset"] as? Int == 17)
    #expect(item["attribute"] is NSNull)
    #expect((item["advice"] as? String)?.isEmpty == false)
  }

  @Test func exportedModelsRun() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let written = folder.path + "/written.onnx"
    let export = try run("export", model, "-o", written, "-v")
    #expect(export.code == 0, "\(export.errors)")
    #expect(export.output.contains("opset      20"))
    #expect(export.output.contains("1  Relu"))
    let input = folder.write("x.pb", TinyModel.tensor([1, 2, 3, 4], sizes: [1, 4]))
    let answers = try [model, written].map {
      try run("run", $0, "--input", "x=\(input)", "--backend", "naive").output
    }
    #expect(answers[1].contains("min 0  max 6.0000  mean 2.0000"))
    #expect(answers[0].contains("min 0  max 6.0000  mean 2.0000"))
    let apart = try run("export", model, "-o", written, "--external-data", "--json", "-")
    #expect(apart.output.contains("\"data_path\": \"\(written).data\""))
    #expect(try run("export", "--help").output.contains("--opset N"))
  }

  @Test func exportSaysWhatIsWrong() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    #expect(try run("export", model).code == 64)
    #expect(try run("export", model, "-o", "\(folder.path)/m.onnx", "--opset", "99").code == 64)
    #expect(try run("export", model, "-o", "/no/such/folder/m.onnx").code == 1)
    #expect(try run("export", "/no/such/model.onnx", "-o", "\(folder.path)/m.onnx").code == 1)
    let odd = folder.write("odd.onnx", TinyModel.bytes(operatorName: "NoSuchOperator"))
    #expect(try run("export", odd, "-o", "\(folder.path)/m.onnx").code == 2)
  }

  @Test func wrongInputsAreNamed() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let wide = folder.write("wide.pb", TinyModel.tensor([1, 2, 3, 4, 5], sizes: [1, 5]))
    let shape = try run("run", model, "--input", "x=\(wide)")
    #expect(shape.code == 1)
    #expect(shape.errors.contains("input 'x'"))
    #expect(shape.errors.contains("float32[1,5]"))
    let name = try run("run", model, "--input", "z=zeros")
    #expect(name.code == 1)
    #expect(name.errors.contains("input 'z'"))
    #expect(try run("run", model, "--input", "x=/no/such.npy").code == 1)
  }

  @Test func outputsArePrintedAndWritten() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let input = folder.write("x.pb", TinyModel.tensor([1, 2, 3, 4], sizes: [1, 4]))
    let printed = try run("run", model, "--input", "x=\(input)", "--backend", "naive")
    #expect(printed.code == 0, "\(printed.errors)")
    #expect(printed.output.contains("output 'y': float32[1,4]"))
    #expect(printed.output.contains("min 0  max 6.0000  mean 2.0000"))
    let results = folder.path + "/results"
    #expect(try run("run", model, "--input", "x=\(input)", "--output-dir", results).code == 0)
    let npy = try Data(contentsOf: URL(fileURLWithPath: results + "/y.npy"))
    #expect(npy.prefix(6) == Data([0x93] + "NUMPY".utf8))
    #expect(npy.suffix(16) == Data([0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xC0, 0x40, 0, 0, 0, 0]))
  }

  @Test func compiledModelsRunAndHaveNoOriginal() throws {
    let folder = TemporaryFolder()
    let compiled = folder.path + "/tiny.ntl"
    let made = try run("compile", tinyModel(folder), "-o", compiled, "--backend", "simd")
    #expect(made.code == 0, "\(made.errors)")
    #expect(made.output.contains("wrote      \(compiled)"))
    let outcome = try run("run", compiled, "--backend", "simd")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("load    read "))
    for command in ["compare", "check"] {
      let refused = try run(command, compiled)
      #expect(refused.code == 64)
      #expect(refused.errors.contains("which has no original"), "\(command): \(refused.errors)")
    }
    #expect(try run("compile", tinyModel(folder), "--packed-only").code == 64)
    #expect(try run("compile", tinyModel(folder), "--max-memory", "much").code == 64)
    #expect(try run("compile", tinyModel(folder), "-o", folder.path + "/none/tiny.ntl").code == 1)
  }

  /// With `--json -` standard output is JSON and nothing else, from every subcommand.
  @Test func jsonHasStandardOutputToItself() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let quick = ["--seconds", "0.01", "--runs", "6", "--threads", "1", "--backend", "naive"]
    let commands =
      [
        ["inspect", model], ["check", model], ["compile", model], ["run", model, "--profile"],
        ["why", model], ["host"],
      ]
      + [["bench", model] + quick, ["compare", model] + quick]
    for words in commands {
      let outcome = try run(words: words + ["--json", "-"])
      #expect(outcome.code == 0, "\(words): \(outcome.errors)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      #expect(object?["schema"] as? Int == 1, "\(words)")
      #expect(object?["command"] as? String == words[0])
    }
  }

  @Test func aMeasurementThatWasCutShortIsInvalid() throws {
    let folder = TemporaryFolder()
    let words = ["--backend", "naive", "--runs", "1000000", "--seconds", "0", "--limit", "0.05"]
    let outcome = try run(words: ["bench", tinyModel(folder), "--strict"] + words)
    #expect(outcome.code == 4, "\(outcome.errors)")
    #expect(outcome.output.contains("verdict INVALID"))
    #expect(outcome.output.contains("too few runs"))
    #expect(outcome.output.contains("--limit"))
  }

  @Test func benchServesManyCallers() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let options = ["--backend", "naive", "--threads", "1", "--seconds", "0.2", "--json", "-"]
    let closed = try run(words: ["bench", model, "--concurrency", "1,3"] + options)
    #expect(closed.code == 0, "\(closed.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(closed.output.utf8)) as? [String: Any]
    #expect(object?["load"] as? String == "closed_loop")
    let rows = try #require(object?["rows"] as? [[String: Any]])
    #expect(rows.map { $0["callers"] as? Int } == [1, 3])
    for row in rows { #expect((row["served_per_s"] as? Double ?? 0) > 100) }
    // Far more than a process can answer: it must say so, and with --strict fail.
    let open = try run(words: ["bench", model, "--rate", "1000000", "--strict"] + options)
    #expect(open.code == 4, "\(open.errors)")
    #expect(open.output.contains("overloaded"))
    #expect(try run("bench", model, "--rate", "0").code == 64)
    #expect(try run("bench", model, "--rate", "1000000", "--seconds", "100").code == 64)
  }

  @Test func compareMeasuresFreshProcesses() throws {
    let folder = TemporaryFolder()
    let outcome = try run(
      words: [
        "compare", tinyModel(folder), "--backend", "simd", "--batch", "1,2", "--seconds", "0.01", "--json",
        "-",
      ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    let rows = try #require(object?["rows"] as? [[String: Any]])
    #expect(rows.count == 6)
    #expect(
      rows.map { $0["variant"] as? String } == [
        "original", "folded", "optimized", "original", "folded", "optimized",
      ])
    for row in rows {
      #expect((row["peak_bytes"] as? Int ?? 0) > 1 << 20)
      #expect((row["p50_ms"] as? Double ?? 0) > 0)
      #expect((row["numerics"] as? [String: Any])?["within_tolerance"] as? Bool == true)
    }
  }

  private struct TestReport: Decodable {
    struct Case: Decodable {
      var name: String
      var result: String
      var reason: String
    }
    var schema: Int
    var cases: [Case]
  }

  @Test func testReportsEveryCase() throws {
    let folder = TemporaryFolder()
    for (name, operatorName, last) in [
      ("good", "Relu", Float(0)), ("bad", "Relu", 1), ("odd", "NoSuchOperator", 0),
    ] {
      folder.write("\(name)/model.onnx", TinyModel.bytes(operatorName: operatorName))
      folder.write("\(name)/test_data_set_0/input_0.pb", TinyModel.tensor([1, 2, 3, 4], sizes: [1, 4]))
      folder.write("\(name)/test_data_set_0/output_0.pb", TinyModel.tensor([2, 0, 6, last], sizes: [1, 4]))
    }
    let outcome = try run("test", folder.path, "--backend", "naive", "--optimize", "all", "--json", "-")
    #expect(outcome.code == 1)
    let report = try JSONDecoder().decode(TestReport.self, from: Data(outcome.output.utf8))
    #expect(report.schema == 1)
    #expect(report.cases.map(\.name) == ["bad", "good", "odd"])
    #expect(report.cases.map(\.result) == ["failed", "passed", "refused"])
    #expect(report.cases[1].reason.isEmpty)
    #expect(try run("test", folder.path + "/odd").code == 0)
    #expect(try run("test", folder.path + "/none").code == 1)
  }

  @Test func secondCompileIsToldWhereItsTimesCameFrom() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let damaged = folder.write("damaged.txt", Array("needletail tuning table 1\nchecksum 0\n".utf8))
    let outcome = try run("compile", model, "--backend", "auto", "--tuning-table", damaged)
    #expect(outcome.code == 0)
    #expect(outcome.errors.contains("damaged"))
    #expect(try run("compile", model, "--tuning-table", "none").errors.isEmpty)
  }

  @Test func openBLASTellsWhoChoseItsKernels() throws {
    func identity(_ core: String) throws -> String? {
      let words = ["host", "--json", "-"]
      let report = try JSON.parse(try run(words: words, ["OPENBLAS_CORETYPE": core]).output)
      return report["host"]?["libraries"]?.array?.compactMap(\.string).first { $0.contains("OpenBLAS") }
    }
    guard let asked = try identity("Prescott"), asked.contains("kernels for Prescott") else { return }
    #expect(asked.contains("(by OPENBLAS_CORETYPE=Prescott)"))
    #expect(try identity("")?.contains("by OPENBLAS_CORETYPE") == false)
  }

  @Test func listsOfBatchesHaveAnEnd() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let outcome = try run("compile", model, "--batch", "2,3,...,9223372036854775807")
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains("at most 64 numbers"), "\(outcome.errors)")
    #expect(try run("compile", model, "--batch", "1,2,...,1000000000000").code == 1)
    #expect(try run("run", model, "--batch", "1000000000000").code == 1)
    #expect(try run("run", model, "--size", "N=9223372036854775807").code == 1)
  }

  @Test(.timeLimit(.minutes(1))) func pipesAreRefused() throws {
    let folder = TemporaryFolder()
    let model = tinyModel(folder)
    let pipe = folder.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(try run("run", model, "--labels", pipe).code == 1)
    #expect(try run("run", pipe).code != 0)
    let tuned = try run("compile", model, "--backend", "auto", "--tuning-table", pipe)
    #expect(tuned.errors.contains("not a regular file"))
  }

  /// The longer run is described in docs/architecture.md.
  @Test(.timeLimit(.minutes(2))) func someChangedModelsEndWell() throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fuzz/fuzz.py")
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let tool = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("needletail")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script.path, tool.path, "--cases", "60"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
  }
}
