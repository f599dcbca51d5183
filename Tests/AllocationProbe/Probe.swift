import CAllocationCount
import Glibc
import Needletail

/// Prints the numbers of allocations in all runs together: our own, and the libraries'.
func probe(_ arguments: [String]) -> Int32 {
  guard arguments.count >= 5, let backend = BackendChoice(rawValue: arguments[2]),
    let threads = Int(arguments[3]),
    let runs = Int(arguments[4])
  else {
    print("usage: AllocationProbe MODEL BACKEND THREADS RUNS [trace]")
    return 64
  }
  do {
    let model = try Model(contentsOf: arguments[1])
    let request = try model.compile(CompileOptions(tuningSeconds: 0.3)).makeRequest(
      backend: backend, threads: threads)
    var inputs: [String: Tensor] = [:]
    for port in model.inputs {
      guard let type = port.type.tensor, let shape = type.shape else { return 1 }
      // An open batch is one item.
      let sizes = shape.map { $0.fixed ?? 1 }
      let tensor = try Tensor([Float](repeating: 0.5, count: sizes.reduce(1, *)), sizes: sizes)
      inputs[port.name] = tensor
      try request.bind(input: port.name, to: tensor)
    }
    for (name, tensor) in try request.run(inputs) { try request.bind(output: name, to: tensor) }
    // Every worker has had a part by then, most likely: a library may prepare something per thread.
    for _ in 0..<20 { try request.run() }
    allocation_count_trace(arguments.count > 5 ? 1 : 0)
    allocation_count_start()
    for _ in 0..<runs { try request.run() }
    allocation_count_stop()
    print(allocation_count_own(), allocation_count_libraries())
    return 0
  } catch {
    print("\(error)")
    return 1
  }
}
