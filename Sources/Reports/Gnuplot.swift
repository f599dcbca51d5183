import Host

/// Trouble with the program that draws.
package struct GnuplotError: Error, CustomStringConvertible {
  package let description: String
}

/// Pictures by the program gnuplot: a script goes in, SVG comes out.
package enum Gnuplot {
  /// Throws, naming the package to install, when gnuplot is not there. To be asked before anything is measured.
  package static func require() throws(GnuplotError) { _ = try path() }

  private static func path() throws(GnuplotError) -> String {
    if let path = programPath("gnuplot") { return path }
    throw GnuplotError(
      description:
        "the pictures of a page are drawn by gnuplot, which is not on PATH: install the package gnuplot-nox")
  }

  /// The picture as an `<svg>` element whose colours are variables of the page's style; nil for a chart without
  /// points. `id` tells its parts from those of the page's other pictures.
  static func svg(_ chart: Chart, id: String) throws -> String? {
    guard let script = ChartScript(chart)?.text else { return nil }
    // -d: no start-up file of the user's.
    let result = try runProgram(try path(), ["-d", "-"], input: Array(script.utf8))
    let text = String(decoding: result.output, as: UTF8.self)
    guard result.exitCode == 0, let start = text.firstRange(of: "<svg")?.lowerBound else {
      let errors = String(decoding: result.errors, as: UTF8.self).split(separator: "\n").joined(
        separator: "; ")
      throw GnuplotError(
        description: "gnuplot failed on '\(chart.title)' (exit code \(result.exitCode)): \(errors)")
    }
    return inlined(String(text[start...]), id: id, label: "\(chart.title): \(chart.yTitle)")
  }

  /// The SVG as a part of an HTML page: without names of namespaces, which HTML knows, and without identifiers and
  /// titles that are gnuplot's own affair.
  private static func inlined(_ svg: String, id: String, label: String) -> String {
    var text = svg
    for (found, replacement) in [
      (" xmlns=\"http://www.w3.org/2000/svg\"\n", ""),
      (" xmlns:xlink=\"http://www.w3.org/1999/xlink\"\n", ""),
      ("xlink:href", "href"), ("gpPt", "\(id)pt"), ("gpDot", "\(id)dot"), ("gnuplot_canvas", "\(id)canvas"),
      ("gnuplot_plot_", "\(id)plot"), ("'textbox'", "'\(id)textbox'"), ("'greybox'", "'\(id)greybox'"),
      ("<svg", "<svg role=\"img\" aria-label=\"\(htmlEscaped(label))\""),
    ] { text = text.replacing(found, with: replacement) }
    // The white dots below intervals, which hide what they lie on.
    text = text.split(separator: "\n").filter { !$0.hasSuffix("color='white'/>") }.joined(separator: "\n")
    for name in ["title", "desc"] { text = without(name, text) }
    for colour in ChartColour.all {
      for spelling in colour.spellings { text = text.replacing(spelling, with: colour.variable) }
    }
    return text
  }

  private static func without(_ element: String, _ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstRange(of: "<\(element)>"),
      let close = rest[open.upperBound...].firstRange(of: "</\(element)>")
    {
      result += rest[..<open.lowerBound]
      rest = rest[close.upperBound...]
    }
    return result + rest
  }
}

/// A colour that gnuplot is told, which no picture needs as such, and the variable of the page that replaces it.
struct ChartColour: Hashable {
  var red, green, blue: Int
  var variable: String

  static let ink = ChartColour(red: 1, green: 2, blue: 3, variable: "var(--ink)")
  static let muted = ChartColour(red: 1, green: 2, blue: 4, variable: "var(--muted)")
  static let grid = ChartColour(red: 1, green: 2, blue: 5, variable: "var(--grid)")
  static let seriesCount = 8
  static func series(_ i: Int) -> ChartColour {
    ChartColour(red: 10, green: 11, blue: i % seriesCount, variable: "var(--series-\(i % seriesCount))")
  }
  static let all = [ink, muted, grid] + (0..<seriesCount).map { series($0) }

  /// For a script: `'#010203'`.
  var quoted: String {
    func hex(_ value: Int) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
    return "'#\(hex(red))\(hex(green))\(hex(blue))'"
  }

  /// As gnuplot writes it in SVG.
  var spellings: [String] {
    func padded(_ value: Int) -> String { String(repeating: " ", count: 3 - "\(value)".count) + "\(value)" }
    return ["rgb(\(padded(red)), \(padded(green)), \(padded(blue)))", "rgb(\(red),\(green),\(blue))"]
  }
}
