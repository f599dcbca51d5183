import IR
import Operators

/// A layer of a model: a graph of one node, and how often the model holds it.
package struct LayerShape: Sendable {
  package var count: Int
  package var graph: Graph
}

/// The distinct layers of a model, as `Benchmarks/Shapes/*.txt` keeps them.
package struct ShapeFile: Sendable {
  /// Lines for people, without their `//`.
  package var notes: [String]
  package var layers: [LayerShape]

  package init(notes: [String] = [], layers: [LayerShape]) {
    self.notes = notes
    self.layers = layers
  }
}

/// A line of a shape file that cannot be read.
package struct ShapeError: Error, CustomStringConvertible {
  package let description: String
}

extension ShapeFile {
  /// The text that `init(text:name:)` reads back.
  package var text: String {
    var text = notes.map { "// \($0)\n" }.joined()
    for layer in layers { text += "\ncount \(layer.count)\n" + layer.graph.text() }
    return text
  }

  /// Reads `count N` and the text of a graph, again and again; `name` is the file's, for errors.
  package init(text: String, name: String) throws(ShapeError) {
    notes = []
    layers = []
    var count: Int?
    var graphLines: [Substring] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      func fail(_ what: String) -> ShapeError {
        ShapeError(description: "\(name), line \(number + 1): \(what)")
      }
      if !graphLines.isEmpty {
        graphLines.append(line)
        guard line == "}" else { continue }
        layers.append(LayerShape(count: count ?? 0, graph: try Self.graph(graphLines) { fail($0) }))
        graphLines = []
        count = nil
      } else if line.hasPrefix("graph") {
        if count == nil { throw fail("expected 'count N' before a graph") }
        graphLines = [line]
      } else if line.hasPrefix("count ") {
        guard let number = Int(line.dropFirst(6)), number > 0, count == nil else {
          throw fail("expected 'count N' with a number above 0, once before each graph")
        }
        count = number
      } else if line.hasPrefix("//") {
        notes.append(String(line.dropFirst(2).drop { $0 == " " }))
      } else if !line.isEmpty {
        throw fail("expected 'count N', a graph or a comment, found '\(line)'")
      }
    }
    if !graphLines.isEmpty { throw ShapeError(description: "\(name): the last graph has no end") }
    if count != nil { throw ShapeError(description: "\(name): no graph follows the last count") }
    if layers.isEmpty { throw ShapeError(description: "\(name): no layer") }
  }

  private static func graph(_ lines: [Substring], _ fail: (String) -> ShapeError) throws(ShapeError) -> Graph
  {
    let graph: Graph
    do throws(GraphError) {
      graph = try Graph(text: lines.joined(separator: "\n"), operatorNamed: Catalog.type(named:))
    } catch { throw fail(error.description) }
    if graph.nodeCount != 1 { throw fail("expected a graph of one node, found \(graph.nodeCount)") }
    return graph
  }
}
