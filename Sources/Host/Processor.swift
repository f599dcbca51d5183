import Glibc

/// The processor that the calling thread runs on, and a way off it.
///
/// The kernel likes to wake a thread where its waker runs. For a worker that is the worst place: it shares a processor
/// with the thread that waits for it, until some milliseconds later the load is balanced.
package enum Processor {
  private typealias GetCPU = @convention(c) () -> Int32
  private typealias Affinity = @convention(c) (Int32, Int, UnsafeMutableRawPointer) -> Int32

  /// These are GNU extensions, which the Glibc module leaves out: looked up once by name.
  private static let functions: (getCPU: GetCPU, getAffinity: Affinity, setAffinity: Affinity)? = {
    guard let getCPU = dlsym(nil, "sched_getcpu"), let getAffinity = dlsym(nil, "sched_getaffinity"),
      let setAffinity = dlsym(nil, "sched_setaffinity")
    else { return nil }
    return (
      unsafeBitCast(getCPU, to: GetCPU.self), unsafeBitCast(getAffinity, to: Affinity.self),
      unsafeBitCast(setAffinity, to: Affinity.self)
    )
  }()

  /// Processors that a mask has bits for.
  private static let maximum = 1024

  /// nil where the system does not say.
  package static var current: Int32? {
    guard let functions else { return nil }
    let processor = functions.getCPU()
    return processor < 0 ? nil : processor
  }

  /// Moves the calling thread to any other processor that it may run on; its mask is afterwards what it was.
  package static func leave(_ processor: Int32) {
    guard let functions, processor >= 0, processor < maximum else { return }
    let byteCount = maximum / 8
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: byteCount) { mask in
      mask.initialize(repeating: 0)
      guard let base = mask.baseAddress, functions.getAffinity(0, byteCount, base) >= 0 else { return }
      let byte = Int(processor) / 8
      let bit = UInt8(1) << UInt8(processor % 8)
      guard mask[byte] & bit != 0, mask.reduce(0, { $0 + $1.nonzeroBitCount }) > 1 else { return }
      mask[byte] &= ~bit
      guard functions.setAffinity(0, byteCount, base) == 0 else { return }
      mask[byte] |= bit
      _ = functions.setAffinity(0, byteCount, base)
    }
  }
}
