import Tensors

/// How a kernel's result may differ from Naive's: not at all, by the order of its sums, by another algorithm, ….
package enum Numerics: Hashable, Codable, Sendable {
  case exact
  case reassociated
  /// Winograd, Strassen: another algorithm with an error bound of its own.
  case transformed
  /// Quantized graphs computed in integers.
  case integer
  case reduced(DataType)
}

/// A result that may, or must, stand where an operand stood.
package struct Overlay: Hashable, Codable, Sendable {
  package var output: Int
  /// Counts inputs, then epilogue inputs.
  package var operand: Int
  package var required: Bool

  package init(output: Int = 0, operand: Int, required: Bool = false) {
    self.output = output
    self.operand = operand
    self.required = required
  }
}

/// One way in which a kernel would serve a request.
package struct Offer: Hashable, Codable, Sendable {
  package var inputs: [Format?]
  /// Formats of the operands of the fused steps; those of other steps are ignored.
  package var epilogueInputs: [Format]
  package var outputs: [Format?]
  /// How many leading steps of the epilogue the kernel applies; the rest becomes a node of its own.
  package var fusedSteps: Int
  package var overlays: [Overlay] = []
  /// May read a view.
  package var stridedInputs = false
  /// Channels-last results may be a part of the channels of a wider image: the kernel is then prepared with `outputPitch`.
  package var stridedOutputs = false
  /// Elements between pixels of the result, which the plan says; nil: as many as it has channels.
  package var outputPitch: Int?
  /// What is prepared is a `BandedKernel`.
  package var rowBands = false
  /// Constants may lie at any address.
  package var unalignedConstants = false
  /// Operands (inputs, then epilogue inputs) that are constants and that the prepared kernel keeps in a form of its
  /// own: a run does not read them, so the plan need not hold them.
  package var consumedConstants: [Int] = []
  /// Bytes in which the kernel keeps these; nil: as many as they have themselves.
  package var packedByteCount: Int?
  package var numerics = Numerics.exact
  /// The same bits at any number of threads.
  package var fixedReductionOrder = true
  /// A model's guess of the time, used where nothing was measured.
  package var predicted: Duration?

  package init(inputs: [Format?], epilogueInputs: [Format] = [], outputs: [Format?], fusedSteps: Int = 0) {
    self.inputs = inputs
    self.epilogueInputs = epilogueInputs
    self.outputs = outputs
    self.fusedSteps = fusedSteps
  }

  /// Every operand and result row-major in its own type, with `fusedSteps` steps fused.
  package static func rowMajor(_ request: KernelRequest, fusedSteps: Int = 0) -> Offer {
    Offer(
      inputs: request.inputs.map { $0.map { .rowMajor($0.placement.dataType) } },
      epilogueInputs: request.epilogueInputs.map { .rowMajor($0.placement.dataType) },
      outputs: request.outputs.map { $0.map { .rowMajor($0.dataType) } }, fusedSteps: fusedSteps)
  }
}

/// A kernel's answer to a request.
package enum Verdict: Sendable {
  case accepts([Offer])
  case declines(String)
}
