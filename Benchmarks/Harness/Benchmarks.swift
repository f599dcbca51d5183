import Needletail
import Terminal

/// The measuring program, which only this package's own benchmarks use.
package let benchmarks = Program(
  name: "needletail-benchmarks", version: "0.1.0",
  summary:
    "Measures Needletail beside other engines, kernel by kernel, and in the tables of deployment studies.",
  commands: [peersCommand, studyCommand, shapesCommand, kernelsCommand, thresholdsCommand, readmeCommand],
  examples: [
    "peers --quick --html peers.html", "study sweep --quick --html sweep.html",
    "kernels Benchmarks/Shapes/squeezenet1_1.txt --quick",
  ]
) { error in (error as? EngineError).map { ($0.description, .failure) } }
