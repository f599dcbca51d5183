import Kernels

/// Time spent in each step, summed over runs. Taken in a pass of its own, so that it never colours a timing.
package struct Profile: Sendable {
  package struct Entry: Sendable {
    package var label: ExecutionPlan.Label
    package var nanoseconds: UInt64
    package var runCount: Int
  }

  package private(set) var entries: [Entry] = []
  private var positions: [String: Int] = [:]

  package init() {}

  package mutating func add(_ label: ExecutionPlan.Label, nanoseconds: UInt64) {
    let key = label.node + "\u{0}" + label.kernel
    if let i = positions[key] {
      entries[i].nanoseconds += nanoseconds
      entries[i].runCount += 1
    } else {
      positions[key] = entries.count
      entries.append(Entry(label: label, nanoseconds: nanoseconds, runCount: 1))
    }
  }

  package mutating func add(_ labels: [ExecutionPlan.Label], nanoseconds: [UInt64]) {
    for (label, time) in zip(labels, nanoseconds) { add(label, nanoseconds: time) }
  }

  package var totalNanoseconds: UInt64 { entries.reduce(0) { $0 + $1.nanoseconds } }
}
