import Kernels

/// What a machine can do at most on so many threads: the roof that a step's time is held against.
///
/// After Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model for Multicore
/// Architectures" (CACM 2009), with a bandwidth for each level of the caches.
package struct Ceilings: Hashable, Sendable {
  /// A level of the memory, as these threads see it.
  package struct Level: Hashable, Sendable {
    /// `L1`, `L2`, … or `DRAM`.
    package var name: String
    /// What the threads can keep in it together; nil: anything.
    package var byteCount: Int?
    /// Of reading.
    package var bytesPerSecond: Double

    package init(_ name: String, byteCount: Int?, bytesPerSecond: Double) {
      self.name = name
      self.byteCount = byteCount
      self.bytesPerSecond = bytesPerSecond
    }
  }

  /// Those that the pool granted: fewer than asked for when others hold them.
  package var threads: Int
  /// The instruction set whose ceiling it is.
  package var isa: String
  /// Multiply-adds of float count two.
  package var operationsPerSecond: Double
  /// From the smallest to the memory itself, which is always there.
  package var levels: [Level]

  /// `levels` ends with the memory.
  package init(threads: Int, isa: String, operationsPerSecond: Double, levels: [Level]) {
    self.threads = threads
    self.isa = isa
    self.operationsPerSecond = operationsPerSecond
    self.levels = levels
  }

  /// Of the memory.
  package var bytesPerSecond: Double { levels.last?.bytesPerSecond ?? .infinity }

  /// The smallest level that holds so many bytes.
  package func level(holding bytes: Double) -> Level? {
    levels.first { $0.byteCount.map { bytes <= Double($0) } ?? true }
  }

  /// The least time that `work` can take: that of its operations, or of its bytes from the smallest level that holds
  /// them, whichever is longer.
  ///
  /// An algorithm with fewer operations than the definition's, such as Winograd's, can be faster.
  package func roofSeconds(_ work: Work) -> Double {
    let rate = level(holding: work.bytes)?.bytesPerSecond ?? bytesPerSecond
    return max(work.operations / operationsPerSecond, work.bytes / rate)
  }

  /// Which share of the roof a time of `seconds` reaches; nil when there is nothing to do.
  package func share(_ work: Work, seconds: Double) -> Double? {
    let roof = roofSeconds(work)
    return roof > 0 && seconds > 0 ? roof / seconds : nil
  }

  /// Whether the operations are what takes the time, not the bytes.
  package func isComputeBound(_ work: Work) -> Bool {
    work.operations / operationsPerSecond >= roofSeconds(work)
  }

  /// The ceilings by name with their unit, for reports: `l2_read_bytes_per_s`.
  package var figures: [(name: String, value: Double)] {
    [("f32_operations_per_s", operationsPerSecond)]
      + levels.map { ("\($0.name.lowercased())_read_bytes_per_s", $0.bytesPerSecond) }
  }
}
