import Reports

/// A row of a report of `bench` or `compare`, as pages show it.
struct MeasuredRow {
  struct Layer {
    var node, operatorName, kernel, backend: String
    var milliseconds: Double
    var operations, rooflineShare: Double?
  }

  var backend: String
  var batch: Int
  var threads: Int?
  /// nil in reports of `bench`.
  var variant: String?
  let json: JSON

  init?(_ json: JSON) {
    guard let backend = json["backend"]?.string, let batch = json["batch"]?.integer else { return nil }
    self.json = json
    self.backend = backend
    self.batch = batch
    threads = json["threads"]?.integer
    variant = json["variant"]?.string
  }

  func number(_ name: String) -> Double? { json[name]?.double }

  var median: Double? { number("p50_ms") }
  var interval: ClosedRange<Double>? { json["p50_ci95_ms"]?.interval }

  var label: String {
    ([backend] + (variant.map { [$0] } ?? []) + ["batch \(batch)"]).joined(separator: ", ")
  }

  /// The median and its interval over `divisor`, with no more digits than are known.
  func timeTexts(per divisor: Double = 1) -> [String] {
    guard let median else { return ["–", "–"] }
    guard let interval else { return [significant(median / divisor), "–"] }
    let uncertainty = (interval.upperBound - interval.lowerBound) / 2 / divisor
    let texts = [median, interval.lowerBound, interval.upperBound].map {
      measured($0 / divisor, uncertainty: uncertainty)
    }
    return [texts[0], "\(texts[1]) … \(texts[2])"]
  }

  /// `3.21× (3.18 … 3.24)`
  func ratioText(_ name: String) -> String {
    guard let ratio = json[name], let median = ratio["p50"]?.double else { return "" }
    guard let interval = ratio["p50_ci95"]?.interval else { return "\(significant(median))×" }
    let uncertainty = (interval.upperBound - interval.lowerBound) / 2
    let texts = [median, interval.lowerBound, interval.upperBound].map {
      measured($0, uncertainty: uncertainty)
    }
    return "\(texts[0])× (\(texts[1]) … \(texts[2]))"
  }

  func mebibyteText(_ name: String) -> String { json[name]?.integer.map { mebibytes($0) } ?? "–" }

  func millisecondText(_ name: String) -> String { number(name).map { significant($0) } ?? "–" }

  /// Backends of the steps, with their number and, where it is known, their time: the slowest first.
  var placement: [(backend: String, steps: Int, milliseconds: Double?)] {
    let times = json["placement_ms"]
    return (json["placement_steps"]?.members ?? []).map { ($0.0, $0.1.integer ?? 0, times?[$0.0]?.double) }
      .sorted { ($1.milliseconds ?? 0, $1.steps, $0.backend) < ($0.milliseconds ?? 0, $0.steps, $1.backend) }
  }

  var layers: [Layer] {
    (json["layers"]?.array ?? []).map {
      Layer(
        node: $0["node"]?.string ?? "", operatorName: $0["operator"]?.string ?? "",
        kernel: $0["kernel"]?.string ?? "",
        backend: $0["backend"]?.string ?? "", milliseconds: $0["ms"]?.double ?? 0,
        operations: $0["operations"]?.double, rooflineShare: $0["roofline_share"]?.double)
    }
  }

  var doubts: [String] { (json["doubts"]?.array ?? []).compactMap(\.string) }
}
