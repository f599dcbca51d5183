extension Backends {
  /// Each backend that is there, with its library or instructions and how many kernels it has.
  package var descriptions: [(name: String, detail: String)] {
    registry.summaries.map { entry in
      let kernels = "\(entry.kernelCount) kernel\(entry.kernelCount == 1 ? "" : "s")"
      return (entry.id.name, entry.summary.isEmpty ? kernels : "\(entry.summary), \(kernels)")
    }
  }
}
