import CAllocationCount
import Glibc
import Needletail

/// Runs a model on sizes drawn at random, and prints the process's resident bytes after a fifth of the runs and after
/// all, the bytes of the plans that are held, and how many plans were given up.
func probeShapes(_ arguments: [String]) -> Int32 {
  guard arguments.count == 6, let backend = BackendChoice(rawValue: arguments[3]),
    let count = Int(arguments[4]),
    let limit = Int(arguments[5])
  else {
    print("usage: AllocationProbe shapes MODEL BACKEND COUNT PLANBYTES")
    return 64
  }
  do {
    let model = try Model(contentsOf: arguments[2])
    let compiled = try model.compile(CompileOptions(tuningSeconds: 0.05, planByteLimit: limit))
    let request = try compiled.makeRequest(backend: backend, threads: 1)
    var state: UInt64 = 20_260_727
    func draw(below bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    var early = 0
    for run in 0..<count {
      // The same name is the same size; a size may be zero.
      var named: [String: Int] = [:]
      var inputs: [String: Tensor] = [:]
      for port in model.inputs {
        let shape = port.type.tensor?.shape ?? []
        let sizes = shape.map { dimension in
          if let size = dimension.fixed { return size }
          let name = "\(dimension)"
          let size = named[name] ?? draw(below: 50)
          named[name] = size
          return size
        }
        let elements = (0..<sizes.reduce(1, *)).map { _ in Float(draw(below: 1000)) / 500 - 1 }
        inputs[port.name] = try Tensor(elements, sizes: sizes)
      }
      _ = try request.run(inputs)
      if run == count / 5 { early = residentByteCount() }
    }
    print(early, residentByteCount(), compiled.planByteCount, compiled.planEvictionCount)
    return 0
  } catch {
    print("\(error)")
    return 1
  }
}

private func residentByteCount() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var text = [CChar](repeating: 0, count: 128)
  guard fgets(&text, Int32(text.count), file) != nil else { return 0 }
  let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
    separator: " ")
  return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
}
