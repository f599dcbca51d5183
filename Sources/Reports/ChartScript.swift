import Glibc

/// A chart as a script of gnuplot's.
struct ChartScript {
  private let chart: Chart
  private var lines: [String] = []
  private static let width = 640.0
  /// What axes and their titles take of the width, about.
  private static let margin = 90.0

  var text: String { lines.joined(separator: "\n") + "\n" }

  /// nil for a chart without points that can be drawn.
  init?(_ chart: Chart) {
    var chart = chart
    for i in chart.series.indices {
      chart.series[i].points.removeAll {
        !$0.x.isFinite || !$0.y.isFinite || (chart.yScale == .logarithmic && $0.y <= 0)
          || (chart.kind == .lines && chart.xScale == .logarithmic && $0.x <= 0)
      }
    }
    if chart.series.allSatisfy(\.points.isEmpty) { return nil }
    self.chart = chart
    switch chart.kind {
    case .bars(let categories): bars(categories)
    case .lines: curves()
    }
  }

  private var valueEnds: [Double] {
    chart.series.flatMap(\.points).flatMap { point in
      [point.y] + (point.interval.map { [$0.lowerBound, $0.upperBound] } ?? []).filter(\.isFinite)
    }
  }

  // MARK: Bars

  private mutating func bars(_ categories: [String]) {
    let names = categories.map { shortened($0, limit: 36) }
    let slot = (Self.width - Self.margin) / Double(max(1, names.count))
    let longest = Double(names.map(\.count).max() ?? 0) * 7.5 + 8
    let thickness = 0.8 / Double(max(1, chart.series.count))
    if longest <= slot { columns(names, slot, thickness) } else { rows(names, thickness) }
  }

  private mutating func columns(_ names: [String], _ slot: Double, _ thickness: Double) {
    let labels = chart.series.map { $0.points.map(Self.label) }
    let widest = Double(labels.joined().map(\.count).max() ?? 0) * 6.6 + 3
    let hasLabels = widest <= slot * thickness
    let axis = AxisTicks(values: valueEnds, scale: chart.yScale, room: hasLabels ? 0.1 : 0.04)
    begin(height: 360)
    setTicks("x", names.enumerated().map { (Double($0), $1) })
    setTicks("y", axis.ticks.map { ($0, AxisTicks.label($0)) })
    titles(x: chart.xTitle, y: chart.yTitle)
    lines += [
      "set xtics scale 0", "set xzeroaxis lt 1 lw 1 lc rgb \(ChartColour.muted.quoted)",
      "set grid ytics noxtics lt 1 lw 1 lc rgb \(ChartColour.grid.quoted)",
    ]
    lines += ["set xrange [-0.55:\(Double(names.count) - 0.45)]", range("y", axis.range)]
    if chart.yScale == .logarithmic { lines.append("set logscale y") }
    let base = axis.range.contains(0) ? 0 : axis.range.lowerBound
    plot(axis, thickness, hasLabels) { place, point, label in
      let (low, high) = (min(base, point.y), max(base, point.y))
      let (from, to) = (
        axis.clamped(point.interval?.lowerBound ?? point.y), point.interval?.upperBound ?? point.y
      )
      return (
        "\(place) \(point.y) \(place - thickness * 0.46) \(place + thickness * 0.46) \(low) \(high)",
        "\(place) \(point.y) \(from) \(to)", "\(place) \(max(base, to)) \(label)"
      )
    }
  }

  private mutating func rows(_ names: [String], _ thickness: Double) {
    let pixels = max(26, Double(chart.series.count) * 16 + 10)
    let hasLabels = pixels * thickness >= 11
    let axis = AxisTicks(values: valueEnds, scale: chart.yScale, room: hasLabels ? 0.14 : 0.04)
    begin(height: Int(70 + pixels * Double(names.count)))
    // The first category stands at the top.
    setTicks("y", names.enumerated().map { (Double($0), $1) })
    setTicks("x", axis.ticks.map { ($0, AxisTicks.label($0)) })
    titles(x: chart.yTitle, y: "")
    lines += [
      "set ytics scale 0", "set yzeroaxis lt 1 lw 1 lc rgb \(ChartColour.muted.quoted)",
      "set grid xtics noytics lt 1 lw 1 lc rgb \(ChartColour.grid.quoted)",
    ]
    lines += ["set yrange [\(Double(names.count) - 0.45):-0.55]", range("x", axis.range)]
    if chart.yScale == .logarithmic { lines.append("set logscale x") }
    let base = axis.range.contains(0) ? 0 : axis.range.lowerBound
    plot(axis, thickness, hasLabels, isHorizontal: true) { place, point, label in
      let (low, high) = (min(base, point.y), max(base, point.y))
      let (from, to) = (
        axis.clamped(point.interval?.lowerBound ?? point.y), point.interval?.upperBound ?? point.y
      )
      return (
        "\(point.y) \(place) \(low) \(high) \(place - thickness * 0.46) \(place + thickness * 0.46)",
        "\(point.y) \(place) \(from) \(to)", "\(max(base, to)) \(place) \(label)"
      )
    }
  }

  /// One block of bars, intervals and labels for each series.
  private mutating func plot(
    _ axis: AxisTicks, _ thickness: Double, _ hasLabels: Bool, isHorizontal: Bool = false,
    _ row: (Double, Chart.Point, String) -> (bar: String, interval: String, label: String)
  ) {
    var parts: [String] = []
    for (i, series) in chart.series.enumerated() where !series.points.isEmpty {
      let rows = series.points.map {
        ($0, row($0.x + offset(of: i, at: $0.x) * thickness, $0, Self.label($0)))
      }
      block("bars\(i)", rows.map(\.1.bar))
      parts.append(
        "$bars\(i) using 1:2:3:4:5:6 with boxxyerror fs solid noborder lc rgb \(ChartColour.series(i).quoted)"
      )
      let intervals = rows.filter { $0.0.interval != nil }
      if !intervals.isEmpty {
        block("intervals\(i)", intervals.map(\.1.interval))
        parts.append(
          "$intervals\(i) using 1:2:3:4 with \(isHorizontal ? "x" : "y")errorbars ps 0 lw 1.3 "
            + "lc rgb \(ChartColour.ink.quoted)"
        )
      }
      if hasLabels {
        block("labels\(i)", rows.map(\.1.label))
        let side = isHorizontal ? "left offset 1,0" : "center offset 0,0.6"
        parts.append(
          "$labels\(i) using 1:2:3 with labels \(side) font ',11' textcolor rgb \(ChartColour.ink.quoted)")
      }
    }
    lines.append("plot " + parts.joined(separator: ", "))
  }

  /// Where the bar of a series stands in its group, in bars from the middle: groups without some bars close ranks.
  private func offset(of series: Int, at x: Double) -> Double {
    let present = chart.series.indices.filter { chart.series[$0].points.contains { $0.x == x } }
    return Double(present.firstIndex(of: series) ?? 0) - Double(present.count - 1) / 2
  }

  /// With no more digits than the interval leaves known.
  private static func label(_ point: Chart.Point) -> String {
    measured(point.y, uncertainty: point.interval.map { ($0.upperBound - $0.lowerBound) / 2 })
  }

  // MARK: Lines

  private mutating func curves() {
    let pixels = Self.width - Self.margin
    let xAxis = AxisTicks(
      places: chart.series.flatMap(\.points).map(\.x), scale: chart.xScale, pixels: pixels)
    let yAxis = AxisTicks(values: valueEnds, scale: chart.yScale, room: 0.04)
    begin(height: 360)
    setTicks("x", xAxis.ticks.map { ($0, AxisTicks.label($0)) })
    setTicks("y", yAxis.ticks.map { ($0, AxisTicks.label($0)) })
    titles(x: chart.xTitle, y: chart.yTitle)
    lines += ["set grid ytics noxtics lt 1 lw 1 lc rgb \(ChartColour.grid.quoted)"]
    lines += [range("x", xAxis.range), range("y", yAxis.range)]
    if chart.xScale == .logarithmic { lines.append("set logscale x") }
    if chart.yScale == .logarithmic { lines.append("set logscale y") }
    var parts: [String] = []
    for (i, series) in chart.series.enumerated() where !series.points.isEmpty {
      let colour = ChartColour.series(i).quoted
      let points = series.points.sorted { $0.x < $1.x }
      block("points\(i)", points.map { "\($0.x) \($0.y)" })
      let hasTrend = series.hasTrend && series.trend != nil
      parts.append(
        "$points\(i) using 1:2 with \(hasTrend ? "points" : "linespoints") lw 2 "
          + "pt \(Self.marks[i % Self.marks.count].type) "
          + "ps 0.8 lc rgb \(colour)")
      if hasTrend, let trend = series.trend {
        block("trend\(i)", samples(points, xAxis).map { "\($0) \(trend.slope * $0 + trend.intercept)" })
        parts.append("$trend\(i) using 1:2 with lines lw 1.5 dt 2 lc rgb \(colour)")
      }
      let intervals = points.compactMap { point in point.interval.map { (point, $0) } }
      if !intervals.isEmpty {
        block(
          "intervals\(i)",
          intervals.map { "\($0.x) \($0.y) \(yAxis.clamped($1.lowerBound)) \($1.upperBound)" })
        parts.append("$intervals\(i) using 1:2:3:4 with yerrorbars ps 0 lw 1.3 lc rgb \(colour)")
      }
    }
    lines.append("plot " + parts.joined(separator: ", "))
  }

  /// Places for a straight line, which a logarithmic axis bends.
  private func samples(_ points: [Chart.Point], _ axis: AxisTicks) -> [Double] {
    guard let low = points.first?.x, let high = points.last?.x else { return [] }
    return (0...60).map { i in
      let share = Double(i) / 60
      return chart.xScale == .logarithmic ? low * pow(high / low, share) : low + (high - low) * share
    }
  }

  /// Marks as gnuplot counts them, and as legends write them.
  static let marks: [(type: Int, glyph: String)] = [
    (7, "●"), (5, "■"), (9, "▲"), (13, "◆"), (11, "▼"), (6, "○"), (4, "□"), (8, "△"),
  ]

  // MARK: Pieces

  private mutating func begin(height: Int) {
    let (ink, muted) = (ChartColour.ink.quoted, ChartColour.muted.quoted)
    lines += [
      "set encoding utf8",
      "set terminal svg size \(Int(Self.width)),\(height) dynamic noenhanced font 'sans-serif,13'",
      "set key off", "set border 3 lw 1 lc rgb \(muted)", "set tics nomirror out textcolor rgb \(ink)",
      "set samples 100", "set errorbars 0.6",
    ]
  }

  private mutating func setTicks(_ axis: String, _ ticks: [(Double, String)]) {
    lines.append("set \(axis)tics (\(ticks.map { "\(Self.quoted($1)) \($0)" }.joined(separator: ", ")))")
  }

  private mutating func titles(x: String, y: String) {
    for (axis, title) in [("x", x), ("y", y)] where !title.isEmpty {
      lines.append("set \(axis)label \(Self.quoted(title)) textcolor rgb \(ChartColour.ink.quoted)")
    }
  }

  private func range(_ axis: String, _ range: ClosedRange<Double>) -> String {
    "set \(axis)range [\(range.lowerBound):\(range.upperBound)]"
  }

  private mutating func block(_ name: String, _ rows: [String]) {
    lines.append("$\(name) << END_OF_DATA")
    lines += rows
    lines.append("END_OF_DATA")
  }

  /// Text that gnuplot takes as it is: between single quotes nothing is run or replaced.
  static func quoted(_ text: String) -> String {
    var safe = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'", "\"": safe.append("’")
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: safe.append(" ")
      default: safe.append(scalar)
      }
    }
    return "'\(String(safe))'"
  }
}

extension AxisTicks {
  /// A value on the axis: intervals may reach below zero, where a logarithmic axis has no place for them.
  func clamped(_ value: Double) -> Double { max(value, range.lowerBound) }
}
