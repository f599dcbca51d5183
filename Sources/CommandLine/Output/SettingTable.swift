import Reports

/// The model of a report; many are called model.onnx, and told apart by their folder.
func modelName(of report: JSON) -> String {
  report["model"]?["path"]?.string?.split(separator: "/").suffix(2).joined(separator: "/") ?? "a model"
}

/// What was measured, and where.
func settingTable(of report: JSON) -> Page.Table {
  var table = Page.Table("", [Page.Column("what was measured"), Page.Column("")])
  func add(_ name: String, _ text: String?) {
    if let text, !text.isEmpty { table.rows.append([name, text]) }
  }
  func range(_ name: String) -> String? {
    let counts = (report["rows"]?.array ?? []).compactMap { $0[name]?.integer }
    guard let low = counts.min(), let high = counts.max() else { return nil }
    return low == high ? grouped(low) : "\(grouped(low)) – \(grouped(high))"
  }
  let (model, host) = (report["model"], report["host"])
  add("model", model?["path"]?.string)
  add("sha256", report["sha256"]?.string)
  add("file", model?["bytes"]?.integer.map(fileSize))
  let optimized = report["rows"]?.array?.last { $0["variant"]?.string == "optimized" }?["nodes"]?.integer
  add(
    "nodes",
    model?["nodes"]?.integer.map { grouped($0) + (optimized.map { " → \(grouped($0)) optimized" } ?? "") })
  let opsets = (model?["opsets"]?.members ?? []).map {
    "\($0 == "ai.onnx" ? "" : "\($0) ")\($1.integer ?? 0)"
  }
  add("opset", opsets.joined(separator: ", "))
  add("optimize", report["optimize"]?.string)
  add("processor", host?["processor"]?.string)
  add("features", host?["features"]?.array?.compactMap(\.string).joined(separator: " "))
  add(
    "instructions",
    host?["instructions"]?.string.map { $0 + (host?["limit"]?.string == nil ? "" : ", a limit") })
  add("threads", range("threads") ?? host?["threads"]?.integer.map { "\($0)" })
  add("runs of each", range("runs"))
  if let ceilings = report["ceilings"], let operations = ceilings["f32_operations_per_s"]?.double {
    let reads = (ceilings.members ?? []).compactMap { name, value -> String? in
      guard name.hasSuffix("_read_bytes_per_s"), let rate = value.double else { return nil }
      return "\(name.prefix { $0 != "_" }.uppercased()) \(significant(rate / 1e9)) GB/s"
    }
    let gigaoperations = significant(operations / 1e9)
    add("ceilings, measured", "\(gigaoperations) GFLOP/s in f32; reading \(reads.joined(separator: ", "))")
  }
  return table
}
