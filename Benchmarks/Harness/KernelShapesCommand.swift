import Host
import Needletail
import Reports
import Terminal

let sizeOption = Option<[String: Int]>(
  "--size", .value("NAME=N"), "the value of a named size that is not the batch; may be given again for others"
) { (texts) throws(UsageError) in
  var sizes: [String: Int] = [:]
  for text in texts {
    let pair = try Read.pair(text)
    sizes[pair.name] = try Read.count(pair.value)
  }
  return sizes
}

private let outputFile = Option<String?>.value(
  "--output", "FILE", "write there instead of standard output", default: nil
) { (text) throws(UsageError) in text }

private let modelName = Option<String?>.value(
  "--name", "NAME", "what the file calls the model", default: nil, defaultText: "the name of its folder"
) { (text) throws(UsageError) in text }

let shapesCommand = CommandDeclaration(
  name: "shapes", summary: "Writes the distinct layers of a model in the form of Benchmarks/Shapes/*.txt.",
  arguments: [ArgumentDeclaration("MODEL", "an ONNX file")],
  options: [modelName.declaration, sizeOption.declaration, outputFile.declaration],
  examples: ["shapes Benchmarks/models/built/resnet50/model.onnx --output Benchmarks/Shapes/resnet50.txt"],
  exitCodes: [.success, .failure, .modelRejected], run: shapes)

private func shapes(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let path = arguments.positional[0]
  let folder = path.split(separator: "/").dropLast().last.map(String.init)
  let name = try arguments.value(of: modelName) ?? folder ?? path
  let file = try ShapeFile(
    of: try Model(contentsOf: path), named: name, sizes: try arguments.value(of: sizeOption))
  if let target = try arguments.value(of: outputFile) {
    try writeFile(target, Array(file.text.utf8))
    console.log("\(target): \(counted(file.layers.count, "layer"))")
  } else {
    for line in file.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      console.print(String(line))
    }
  }
  return .success
}
