import Host
import Measurement
import Needletail
import Reports
import Terminal

/// What the command `kernels` tells, in each of its forms.
struct KernelReport {
  var layers: [MeasuredLayer]
  var seconds: Double

  /// Layers by file, batch and threads, in the order measured.
  private var groups: [(title: String, layers: [MeasuredLayer])] {
    var groups: [(title: String, layers: [MeasuredLayer])] = []
    for layer in layers {
      let title = "\(layer.model), batch \(layer.batch), \(counted(layer.ceilings.threads, "thread"))"
      if groups.last?.title == title {
        groups[groups.count - 1].layers.append(layer)
      } else {
        groups.append((title, [layer]))
      }
    }
    return groups
  }

  static let columns = [
    "layer", ">×", "", "kernel", ">p50 µs", ">95 % CI µs", ">GFLOP/s", ">GB/s", ">of roof",
    "formats, and what was found",
  ]

  func print(_ console: Console) {
    for group in groups {
      console.print(group.title)
      var table = TextTable(Self.columns)
      for layer in group.layers { for row in Self.rows(layer) { table.add(row) } }
      console.print(table)
      console.print(Self.sums(group.layers).sentence)
      console.print()
    }
    console.print("→ what the compiler picks where layouts are free, as between the layers of a model")
    for line in problems { console.print(line) }
    _ = console.printVerdict(judged)
  }

  /// The candidates of a layer, the fastest first; the first row names the layer.
  private static func rows(_ layer: MeasuredLayer) -> [[String]] {
    var rows: [[String]] = []
    if layer.isPickView {
      rows.append([
        layer.shape, "\(layer.count)", "→", "view", "0", "", "", "", "",
        "costs nothing where the layout is free",
      ])
    }
    for kernel in layer.kernels {
      let (median, interval) = medianText(kernel.statistics, divisor: 1e3)
      let seconds = kernel.statistics.median / 1e9
      let isFirst = rows.isEmpty
      rows.append([
        isFirst ? layer.shape : "", isFirst ? "\(layer.count)" : "", kernel.isPick ? "→" : "", kernel.kernel,
        median,
        interval, layer.work.operations > 0 ? significant(layer.work.operations / seconds / 1e9) : "",
        significant(layer.work.bytes / seconds / 1e9),
        layer.ceilings.share(layer.work, seconds: seconds).map { percent($0, digits: 0) } ?? "",
        kernel.formats + (kernel.mistake.map { "; WRONG: \($0)" } ?? ""),
      ])
    }
    if rows.isEmpty { rows.append([layer.shape, "\(layer.count)", "", "no kernel could run it"]) }
    return rows
  }

  /// Times of whole models, layer by layer, in seconds.
  struct Sums {
    var pick = 0.0
    var best = 0.0
    var roof = 0.0

    var sentence: String {
      "sum over all layers: picks \(significant(pick * 1e3)) ms, best candidates \(significant(best * 1e3)) ms, "
        + "roof \(significant(roof * 1e3)) ms"
        + (pick > 0 ? " (\(percent(roof / pick, digits: 0)) of roof)" : "")
    }
  }

  private static func sums(_ layers: [MeasuredLayer]) -> Sums {
    var sums = Sums()
    for layer in layers where !layer.isPickView {
      let count = Double(layer.count)
      sums.pick += count * (layer.pick?.statistics.median ?? .nan) / 1e9
      sums.best += count * (layer.best?.statistics.median ?? .nan) / 1e9
      sums.roof += count * layer.ceilings.roofSeconds(layer.work)
    }
    return sums
  }

  /// What decides about picks: the picks themselves, and what would be better.
  private var judged: [(String, [MeasurementDoubt])] {
    layers.flatMap { layer in
      (layer.isPickView ? [] : layer.kernels).filter {
        $0.isPick || $0.kernel == layer.best?.kernel && $0.isContender
      }.map { ("\(layer.shape), \($0.kernel)", $0.doubts) }
    }
  }

  /// Why the command fails; empty when it does not.
  var problems: [String] {
    var lines: [String] = []
    for layer in layers {
      let subject =
        "\(layer.model), batch \(layer.batch), \(counted(layer.ceilings.threads, "thread")), \(layer.shape)"
      if let slow = layer.slowPick {
        lines.append(
          "SLOW PICK  \(subject): \(slow.pick) takes \(significant(slow.ratio))× the time of \(slow.best)")
      }
      if layer.pick == nil && !layer.isPickView {
        lines.append("NO PICK    \(subject): what the compiler picks could not run alone")
      }
      for kernel in layer.kernels {
        if let mistake = kernel.mistake {
          lines.append("WRONG      \(subject): \(kernel.kernel): \(mistake)")
        }
      }
    }
    return lines
  }

  // MARK: Other forms

  var json: JSON {
    var ceilings: [Ceilings] = []
    for layer in layers where !ceilings.contains(layer.ceilings) { ceilings.append(layer.ceilings) }
    return .object([
      ("schema", .integer(1)), ("command", .string("kernels")), ("host", HostFacts.read().json(threads: nil)),
      ("seconds_each", .number(seconds)),
      (
        "ceilings",
        .array(
          ceilings.map { ceilings in
            .object(
              [("threads", .integer(ceilings.threads)), ("isa", .string(ceilings.isa))]
                + ceilings.figures.map { ($0.name, .number($0.value)) })
          })
      ),
      ("layers", .array(layers.map(Self.json))), ("problems", JSON(problems)),
    ])
  }

  private static func json(_ layer: MeasuredLayer) -> JSON {
    .object([
      ("model", .string(layer.model)), ("layer", .string(layer.name)), ("shape", .string(layer.shape)),
      ("count", .integer(layer.count)), ("batch_items", .integer(layer.batch)),
      ("threads", .integer(layer.ceilings.threads)), ("operations", .number(layer.work.operations)),
      ("touched_bytes", .number(layer.work.bytes)),
      ("roof_ms", .number(layer.ceilings.roofSeconds(layer.work) * 1e3)),
      ("is_pick_view", .bool(layer.isPickView)),
      (
        "kernels",
        .array(
          layer.kernels.map { kernel in
            let seconds = kernel.statistics.median / 1e9
            return .object(
              [
                ("kernel", .string(kernel.kernel)), ("formats", .string(kernel.formats)),
                ("is_pick", .bool(kernel.isPick)), ("is_contender", .bool(kernel.isContender)),
                ("mistake", JSON(kernel.mistake)),
              ] + statisticsJSON(kernel.statistics) + [
                ("gflop_per_s", .number(layer.work.operations / seconds / 1e9)),
                ("share_of_roof", JSON(layer.ceilings.share(layer.work, seconds: seconds))),
              ] + verdictJSON(kernel.doubts))
          })
      ),
      (
        "refusals",
        .array(
          layer.refusals.map { .object([("kernel", .string($0.kernel)), ("reason", .string($0.reason))]) })
      ),
    ])
  }

  var page: Page {
    var sections: [Page.Section] = []
    let problems = problems
    let doubtful = judged.filter { !$0.1.isEmpty }
    let reason =
      "\(doubtful.count) of \(judged.count) measurements that decide are doubtful; the last section says why"
    var summary: [Page.Block] = [
      .verdict(isValid: doubtful.isEmpty, reasons: doubtful.isEmpty ? [] : [reason])
    ]
    if problems.isEmpty {
      summary.append(
        .text("No pick is surely more than 5 % slower than the best candidate, and no result is wrong."))
    }
    summary += problems.map { .text($0) }
    let groups = groups
    if groups.count > 1 || (groups.first?.layers.count ?? 0) > 1 {
      let sums = groups.map { Self.sums($0.layers) }
      func series(_ name: String, _ time: (Sums) -> Double) -> Chart.Series {
        Chart.Series(
          name,
          sums.enumerated().compactMap { x, sums in
            time(sums) > 0 ? Chart.Point(x: Double(x), y: sums.roof / time(sums) * 100) : nil
          })
      }
      summary.append(
        .chart(
          Chart(
            "Roof over the time of all layers, one by one", .bars(categories: groups.map(\.title)),
            xTitle: "model, batch and threads", yTitle: "share of roof, %",
            series: [series("picks", \.pick), series("best candidates", \.best)])))
    }
    sections.append(Page.Section("Whole models", summary))
    for group in groups {
      let columns = Self.columns.map { title in
        title.hasPrefix(">") ? Page.Column.number(String(title.dropFirst())) : Page.Column(title)
      }
      var table = Page.Table(Self.sums(group.layers).sentence, columns)
      for layer in group.layers {
        for row in Self.rows(layer) {
          if row.count > 2, row[2] == "→" { table.emphasized.insert(table.rows.count) }
          table.rows.append(row + [String](repeating: "", count: columns.count - row.count))
        }
      }
      sections.append(Page.Section(group.title, [.table(table)]))
    }
    if !doubtful.isEmpty {
      var table = Page.Table(
        "what each measurement suffers from", [Page.Column("layer and kernel"), Page.Column("doubts")])
      table.rows = doubtful.map { [$0.0, $0.1.map(\.description).joined(separator: "; ")] }
      sections.append(Page.Section("Doubts", [.table(table)]))
    }
    return Page(
      "Kernels, layer by layer",
      summary:
        "Every kernel for every layer, alone, its weights packed, in turns; the roof is that of this machine. "
        + HostFacts.read().line(threads: nil),
      sections: sections)
  }
}
