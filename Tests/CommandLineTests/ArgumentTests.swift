import NeedletailTool
import Terminal
import Testing

@Suite struct ArgumentTests {
  private func command(_ name: String) throws -> CommandDeclaration {
    try #require(tool.commands.first { $0.name == name })
  }

  private func parse(_ words: [String], for name: String = "run") throws -> ParsedArguments {
    try ParsedArguments(words, for: command(name))
  }

  @Test func valuesFollowOrAreJoined() throws {
    let arguments = try parse(["m.onnx", "--threads", "2", "--backend=simd", "--profile"])
    #expect(arguments.positional == ["m.onnx"])
  }

  @Test func afterTwoDashesEverythingIsAnArgument() throws {
    #expect(try parse(["--", "--odd-name.onnx"]).positional == ["--odd-name.onnx"])
  }

  @Test(
    arguments: [
      (["m.onnx", "--bath", "3"], "unknown option '--bath'", "did you mean '--batch'?"),
      (["m.onnx", "--threads"], "option '--threads' needs a value: N", nil),
      (["m.onnx", "--profile=3"], "option '--profile' takes no value", nil),
      ([], "missing MODEL", "usage: needletail run MODEL [options]"),
      (["a.onnx", "b.onnx"], "unexpected argument 'b.onnx'", "usage: needletail run MODEL [options]"),
    ] as [([String], String, String?)])
  func mistakesAreNamed(words: [String], message: String, hint: String?) throws {
    let run = try command("run")
    #expect(throws: UsageError(message, hint: hint)) { try ParsedArguments(words, for: run) }
  }

  @Test func jsonTakesOnlyWhatCannotBeAModel() throws {
    #expect(try parse(["--json", "m.onnx"]).positional == ["m.onnx"])
    #expect(try parse(["--json", "r.json", "m.onnx"]).positional == ["m.onnx"])
    #expect(try parse(["m.onnx", "--json", "-"]).positional == ["m.onnx"])
  }

  @Test func everySubcommandExplainsEveryOption() {
    for command in tool.commands where !command.isHidden {
      let help = command.help
      #expect(help.contains(command.usage), "\(command.name)")
      for option in command.options {
        #expect(help.contains(option.usage), "\(command.name) \(option.name)")
        #expect(!option.help.isEmpty)
      }
      for argument in command.arguments { #expect(help.contains(argument.help)) }
      for code in command.exitCodes + [.usage] {
        #expect(help.contains(code.meaning), "\(command.name) \(code)")
      }
      #expect(!command.examples.isEmpty, "\(command.name)")
      #expect(tool.help.contains(command.summary))
      #expect(
        Set(command.options.map(\.name)).count == command.options.count, "\(command.name): an option twice")
    }
  }

  /// Examples of the help must parse.
  @Test func examplesAreRight() throws {
    for command in tool.commands {
      for example in command.examples {
        let words = example.split(separator: " ").map(String.init)
        #expect(words.first == command.name)
        _ = try ParsedArguments(Array(words.dropFirst()), for: command)
      }
    }
  }

  @Test func editDistancesAreCounted() {
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("same", "same") == 0)
  }
}
