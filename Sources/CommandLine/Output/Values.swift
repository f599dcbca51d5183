import Needletail
import Reports
import Runtime
import Terminal

/// What a value holds, in a few numbers.
struct ValueSummary {
  var minimum = Double.nan
  var maximum = Double.nan
  var mean = Double.nan
  var first: [Double] = []
  var notFinite = 0

  init(_ tensor: Tensor) throws {
    // One by one: an array of all would take more memory than the tensor.
    let codec = try ElementCodec.of(tensor.dataType)
    let dense = try tensor.reordered(to: .rowMajor(tensor.dataType))
    let count = dense.elementCount
    var sum = 0.0
    var least = Double.infinity
    var most = -Double.infinity
    dense.withBytes { bytes in
      for i in 0..<count {
        let value = codec.double(at: i, in: bytes.base)
        if i < 8 { first.append(value) }
        guard value.isFinite else {
          notFinite += 1
          continue
        }
        sum += value
        least = min(least, value)
        most = max(most, value)
      }
    }
    guard count > notFinite else { return }
    minimum = least
    maximum = most
    mean = sum / Double(count - notFinite)
  }
}

/// The five largest of each row, when a tensor looks like scores of classes: floats, one row or a few, many classes.
func topFive(_ tensor: Tensor) throws -> [[(index: Int, score: Float)]]? {
  guard tensor.dataType.isFloatingPoint, tensor.rank >= 1, let classes = tensor.sizes.last, classes >= 5,
    tensor.elementCount > 0, tensor.elementCount <= 1 << 20,
    tensor.elementCount / classes == tensor.sizes[0] || tensor.rank == 1
  else { return nil }
  let values = try tensor.floats()
  return (0..<values.count / classes).map { row in
    let scores = values[row * classes..<(row + 1) * classes]
    return scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(5).map {
      (index: $0 - row * classes, score: scores[$0])
    }
  }
}

func printValue(_ value: RuntimeValue, _ name: String, _ labels: [String]?, _ offset: Int, _ console: Console)
{
  guard case .tensor(let tensor) = value else {
    if case .sequence(let items) = value {
      console.print("output '\(name)': a sequence of \(items.count)")
      for (i, item) in items.prefix(4).enumerated() { printValue(item, "\(name)[\(i)]", nil, 0, console) }
    } else if case .map(let keys, let values) = value {
      console.print("output '\(name)': a map of \(keys.elementCount)")
      printValue(.tensor(keys), "\(name).keys", nil, 0, console)
      printValue(.tensor(values), "\(name).values", nil, 0, console)
    } else {
      console.print("output '\(name)': nothing")
    }
    return
  }
  console.print("output '\(name)': \(tensor.type)")
  if tensor.dataType == .string {
    let shown = tensor.strings.prefix(8).map { "\"\(String(decoding: $0, as: UTF8.self))\"" }
    console.print("  first  \(shown.joined(separator: ", "))")
    return
  }
  guard let summary = try? ValueSummary(tensor) else { return }
  func text(_ value: Double) -> String {
    tensor.dataType.isFloatingPoint ? significant(value, 5) : fixed(value, 0)
  }
  if tensor.elementCount > 1 {
    console.print(
      "  min \(text(summary.minimum))  max \(text(summary.maximum))  "
        + "mean \(significant(summary.mean, 5))"
        + (summary.notFinite > 0 ? "  not finite: \(summary.notFinite)" : ""))
  }
  let isShort = tensor.elementCount > summary.first.count
  console.print("  first  \(summary.first.map(text).joined(separator: " "))\(isShort ? " …" : "")")
  guard let rows = (try? topFive(tensor)) ?? nil else { return }
  for (r, row) in rows.prefix(4).enumerated() {
    console.print(rows.count > 1 ? "  row \(r)" : "  best")
    for (index, score) in row {
      let label = labels.flatMap { $0.indices.contains(index + offset) ? $0[index + offset] : nil }
      console.print("    \(pad("\(index)", 6)) \(fixed(Double(score), 5))\(label.map { "  \($0)" } ?? "")")
    }
  }
  if rows.count > 4 { console.print("  … \(rows.count - 4) rows more") }
}

func outputJSON(_ value: RuntimeValue, _ name: String) throws -> JSON {
  guard case .tensor(let tensor) = value else { return .object([("name", .string(name)), ("type", .null)]) }
  var members: [(String, JSON)] = [
    ("name", .string(name)), ("type", .string(tensor.dataType.rawValue)), ("sizes", JSON(tensor.sizes)),
  ]
  if tensor.dataType != .string, let summary = try? ValueSummary(tensor) {
    members += [
      ("min", .number(summary.minimum)), ("max", .number(summary.maximum)), ("mean", .number(summary.mean)),
      ("first", .array(summary.first.map { .number($0) })),
    ]
    if let rows = try topFive(tensor) {
      members.append(
        (
          "top5",
          .array(
            rows.map { row in
              .array(
                row.map { .object([("index", .integer($0.index)), ("score", .number(Double($0.score)))]) })
            })
        ))
    }
  }
  return .object(members)
}

func printProfile(_ profile: Profile, runs: Int, _ console: Console) {
  let total = Double(max(1, profile.totalNanoseconds))
  var table = TextTable(["node", "operator", "kernel", ">ms", ">share"])
  for entry in profile.entries {
    table.add([
      shortened(entry.label.node), entry.label.operatorName, entry.label.kernel,
      milliseconds(Double(entry.nanoseconds) / Double(runs)), percent(Double(entry.nanoseconds) / total),
    ])
  }
  console.print()
  console.print(
    "profile of \(runs) runs, a pass of its own: \(milliseconds(total / Double(runs))) ms a run in the steps")
  console.print(table)
  console.print("by backend  \(placementText(profile, runs: runs))")
}

func profileJSON(_ profile: Profile, runs: Int) -> JSON {
  .array(
    profile.entries.map {
      .object([
        ("node", .string($0.label.node)), ("operator", .string($0.label.operatorName)),
        ("kernel", .string($0.label.kernel)), ("origins", JSON($0.label.origins)),
        ("mean_ms", .number(Double($0.nanoseconds) / Double(runs) / 1e6)),
      ])
    })
}
