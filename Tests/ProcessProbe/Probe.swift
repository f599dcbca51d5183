import Glibc
import Needletail

// Swift's own import refuses fork, as a child may do little; that it can run a model is what is asked here.
@_silgen_name("fork") private func systemFork() -> pid_t

/// 0 when every process has computed the right bits and exited with 0.
func probe(_ arguments: [String]) throws -> Int32 {
  guard arguments.count == 5, let backend = BackendChoice(rawValue: arguments[3]),
    let count = Int(arguments[4])
  else {
    print("usage: ProcessProbe fork|exit MODEL BACKEND COUNT")
    return 64
  }
  let model = try Model(contentsOf: arguments[2]).compile(CompileOptions(tuningSeconds: 0.05))
  let inputs = try filled(model)
  let request = try model.makeRequest(backend: backend, threads: 2)
  let expected = try request.run(inputs).mapValues { try $0.elements(of: Float.self) }
  if arguments[1] == "exit" {
    try keepRunning(3, model, backend, inputs)
    usleep(UInt32(count))
    exit(0)
  }
  // A thread that is somewhere in a kernel at each fork.
  try keepRunning(1, model, backend, inputs)
  for index in 0..<count {
    let child = systemFork()
    if child < 0 { return failure("no child", index) }
    if child == 0 {
      alarm(20)
      runInChild(model, backend, inputs, expected, request, index)
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    if status != 0 { return failure("status \(status)", index) }
  }
  return 0
}

private func failure(_ what: String, _ index: Int) -> Int32 {
  print("process \(index): \(what)")
  return 1
}

private func runInChild(
  _ model: CompiledModel, _ backend: BackendChoice, _ inputs: [String: Tensor], _ expected: [String: [Float]],
  _ request: InferenceRequest, _ index: Int
) -> Never {
  do {
    let found = try request.run(inputs).mapValues { try $0.elements(of: Float.self) }
    if found != expected { exit(failure("other results", index)) }
    try keepRunning(2, model, backend, inputs)
  } catch { exit(failure("\(error)", index)) }
  usleep(UInt32(index % 20 * 100))
  exit(0)
}

/// The inputs, an open batch being 16 items.
private func filled(_ model: CompiledModel) throws -> [String: Tensor] {
  var inputs: [String: Tensor] = [:]
  for port in model.inputs {
    let sizes = (port.type.tensor?.shape ?? []).map { $0.fixed ?? 16 }
    let elements = (0..<sizes.reduce(1, *)).map { Float($0 % 17) / 17 }
    inputs[port.name] = try Tensor(elements, sizes: sizes)
  }
  return inputs
}

/// Starts so many threads that run the model without end, on two threads each and on bound tensors.
private func keepRunning(
  _ count: Int, _ model: CompiledModel, _ backend: BackendChoice, _ inputs: [String: Tensor]
) throws {
  for _ in 0..<count {
    let request = try model.makeRequest(backend: backend, threads: 2)
    for (name, tensor) in inputs { try request.bind(input: name, to: tensor) }
    for (name, tensor) in try request.run(inputs) { try request.bind(output: name, to: tensor) }
    try request.run()
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(request).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let request = Unmanaged<InferenceRequest>.fromOpaque(argument).takeUnretainedValue()
        while (try? request.run()) != nil {}
        return nil
      }, argument)
    if status != 0 { exit(failure("no thread", 0)) }
    pthread_detach(thread)
  }
}
