import CompiledFile
import Compiler
import Host
import IR
import Kernels
import ONNX
import Passes
import Runtime
import Synchronization
import Tensors

/// A model after its portable passes: immutable, shared by all threads and tasks.
///
/// Plans for a backend, a number of threads and the sizes at hand are made when first needed; they share their packed
/// weights. They are kept within `CompileOptions.planByteLimit`: beyond it the least recently used goes first, and is
/// made again when it is needed again.
public final class CompiledModel: Sendable {
  public let inputs: [Model.Port]
  public let outputs: [Model.Port]
  public let options: CompileOptions
  /// What each pass did.
  package let passReports: [PassReport]
  package let graph: Graph
  package let originalNodeCount: Int

  let origin: CompiledFile.Origin
  /// What the file says of its outputs, and beside the graph.
  let declaredOutputs: [ValueType]
  let metadata: [StringEntryProto]
  let packed: PackedWeights
  let choices: PlanChoices
  let tuningStore: TuningStore
  private let tuners = Mutex<[Int: Tuner]>([:])
  private let targets = Mutex<[TargetKey: Target]>([:])
  /// Of the plans for all backends and sizes.
  let planBudget: PlanBudget
  /// Of the arenas of all requests.
  let arenaBudget: ArenaBudget
  /// Bytes that values and weights may take.
  private let memoryLimit: Int
  private let sharedConstants: Set<ConstantID>
  private let context: PassContext
  private let backends: BackendSet

  private struct TargetKey: Hashable {
    var backend: BackendChoice
    var threads: Int
  }

  /// One way of running: the graph with its programs, and who makes them.
  package struct Target: Sendable {
    package let executable: Executable
    package let specializer: Specializer
  }

  init(_ model: Model, _ asked: CompileOptions) throws {
    let options =
      try model.compiledFile.map {
        try CompileOptions(parts: $0.options).used(asking: asked, path: model.path)
      } ?? asked
    self.options = options
    planBudget = PlanBudget(byteLimit: max(0, options.planByteLimit))
    memoryLimit = min(MemoryBudget.bytes(), options.memoryLimit ?? .max)
    arenaBudget = ArenaBudget(byteLimit: max(0, options.planByteLimit))
    backends = Backends.shared.registry
    let backends = backends
    context = PassContext(
      foldBudgetBytes: options.foldBudgetBytes, keepsQuantized: options.keepsQuantizedWeights
    ) { (node, inputs) throws(GraphError) in
      try backends.evaluate(node, inputs)
    }
    tuningStore = TuningStore(options.tuningTable, keepsDisturbed: options.keepsDisturbedTimes)
    inputs = model.inputs
    outputs = model.outputs
    declaredOutputs = model.file.declaredOutputs
    metadata = model.file.metadata
    if let file = model.compiledFile {
      let isStale = !file.staleness.isEmpty
      originalNodeCount = file.origin.nodeCount
      origin = file.origin
      packed = PackedWeights(stored: isStale ? [:] : file.packed)
      choices = PlanChoices(isStale ? [:] : file.choices)
      graph = file.graph
      sharedConstants = graph.constantIDs
      passReports = []
      return
    }
    origin = CompiledFile.Origin(
      irVersion: model.file.irVersion, operatorSets: model.file.operatorSets, producer: model.file.producer,
      operatorCounts: model.file.operatorCounts, nodeCount: model.nodeCount)
    packed = PackedWeights()
    choices = PlanChoices()
    originalNodeCount = model.nodeCount
    var graph = model.graph
    let pipeline =
      switch options.optimization {
      case .none: Pipeline([])
      case .folded: PassCatalog.folding
      case .full: PassCatalog.portable
      }
    let context = context
    passReports = RunBudget.$current.withValue(RunBudget(byteLimit: memoryLimit - memoryLimit / 8)) {
      pipeline.run(on: &graph, in: context, options: Pipeline.Options(disabled: options.disabledPasses))
    }
    self.graph = graph
    sharedConstants = graph.constantIDs
  }

  public var nodeCount: Int { graph.nodeCount }

  /// Bytes of weights packed so far, for all backends that were used.
  public var packedByteCount: Int { packed.byteCount }

  /// Bytes of the plans that are held, for all backends and sizes; at most `CompileOptions.planByteLimit`, unless one
  /// plan alone takes more.
  public var planByteCount: Int { planBudget.byteCount }

  /// Bytes of the memory for values that all requests hold; at most `CompileOptions.planByteLimit`, unless what runs at
  /// the moment takes more.
  public var arenaByteCount: Int { arenaBudget.byteCount }

  /// Plans that were given up so that others fit.
  package var planEvictionCount: Int { planBudget.evictionCount }

  /// A request of one task: it owns the memory of its runs.
  ///
  /// `threads` nil: as many as the processors and the control group allow. Throws when the backend is missing.
  public func makeRequest(backend: BackendChoice = .auto, threads: Int? = nil) throws -> InferenceRequest {
    try Backends.shared.require(backend)
    let budget = ThreadBudget(requested: threads)
    return InferenceRequest(self, target(backend, threads: budget.threads), backend, threads: budget.threads)
  }

  package func target(_ backend: BackendChoice, threads: Int) -> Target {
    let key = TargetKey(backend: backend, threads: threads)
    if let target = targets.withLock({ $0[key] }) { return target }
    // Only what measures needs times of earlier processes.
    let tuner =
      backend != .auto
      ? Tuner(threads: threads)
      : tuners.withLock { tuners in
        if let tuner = tuners[threads] { return tuner }
        let tuner = tuningStore.tuner(threads: threads)
        tuners[threads] = tuner
        return tuner
      }
    let planOptions = PlanOptions(
      selection: backend.selection, threads: threads, allowed: options.allowedNumerics,
      keepsFileLayout: options.keepsFileLayout,
      tuningBudget: UInt64(max(0, min(options.tuningSeconds, 1e9)) * 1e9),
      memoryLimit: memoryLimit,
      prefersMemory: options.prefer == .memory)
    let specializer = Specializer(
      backends: backends, options: planOptions,
      packed: packed, choices: choices, context: context,
      pipeline: options.optimization == .full ? PassCatalog.specialize : PassCatalog.legalize,
      disabledPasses: options.disabledPasses,
      tuner: tuner, budget: planBudget, sharedConstants: sharedConstants)
    let target = Target(
      executable: Executable(graph: graph, path: "", source: specializer), specializer: specializer)
    return targets.withLock { targets in
      if let first = targets[key] { return first }
      targets[key] = target
      return target
    }
  }

  /// Does a run with a budget of what the memory limit leaves to its values: an eighth is kept for the program itself,
  /// and arenas and packed weights that are there already are taken off.
  func withRunBudget<R>(_ run: () throws -> R) rethrows -> R {
    let bytes = memoryLimit - memoryLimit / 8 - arenaByteCount - packedByteCount
    let budget = RunBudget(
      byteLimit: max(0, bytes), stepLimit: options.stepLimit ?? RunBudget.defaultStepLimit)
    return try RunBudget.$current.withValue(budget, operation: run)
  }

  /// Runs once on a request of its own. Prefer a request for many runs: it keeps its memory.
  public func run(_ inputs: [String: Tensor], backend: BackendChoice = .auto, threads: Int? = nil) throws
    -> [String: Tensor]
  {
    try makeRequest(backend: backend, threads: threads).run(inputs)
  }
}
