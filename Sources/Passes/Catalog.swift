/// The passes by name, and the pipelines made of them.
///
/// Order is structure: a stage runs its passes in turn until none changes anything, then the next one begins.
package enum PassCatalog {
  static let parameters = RewritePass("static-parameters", StaticParameters.rules)
  static let padding = RewritePass("explicit-padding", ExplicitPadding.rules)
  static let normalForms = RewritePass("normal-forms", NormalForms.rules)
  static let branches = RewritePass("known-branches", InlineIf.rules)
  static let noOperations = RewritePass("no-operations", NoOperations.rules)
  static let pairs = RewritePass("pairs", Pairs.rules)
  static let layout = RewritePass(
    "transposes",
    [Pairs.transposes, NoOperations.dropTranspose, NoOperations.transposeOfOnes] + AbsorbTransposes.rules
      + SinkTransposes.rules)
  static let channelAffine = RewritePass("scale-shift", ChannelAffine.rules)
  static let foldScaleShift = RewritePass("fold-scale-shift", FoldScaleShift.rules)
  static let foldPadding = RewritePass("fold-padding", FoldPadding.rules)
  static let raise = RewritePass(
    "raise", RaiseActivations.rules + RaiseNormalization.rules + RaiseAttention.rules)
  static let epilogues = RewritePass("epilogues", Epilogues.rules)

  private static let known: [any Pass] = [DeadCode(), branches, FoldShapes(), FoldConstants()]
  private static let simplify: [any Pass] =
    known + [parameters, padding, noOperations, pairs, normalForms, CommonSubexpressions()]
  private static let fuse: [any Pass] = [raise, channelAffine, foldScaleShift, foldPadding] + simplify

  /// Every pass once, for tests and tools that ask for one by its name.
  package static let all: [any Pass] = [
    DeadCode(), CommonSubexpressions(), FoldShapes(), FoldConstants(), branches, parameters, padding,
    noOperations, pairs,
    normalForms, layout, channelAffine, foldScaleShift, foldPadding, raise, epilogues,
  ]

  /// Passes that others stand on, with the reason: leaving one out measures the loss of those too, or leaves nodes
  /// that no kernel takes.
  package static let foundations = [
    "dead-code": "other passes count the uses of values, also those of dead nodes",
    "fold-shapes": "plans need sizes that are known",
    "static-parameters": "kernels want parameters as attributes",
    "explicit-padding": "kernels want padding as numbers",
    "normal-forms": "the patterns of other passes are drawn for normal forms",
  ]

  /// All that needs no backend and no sizes: what `full` optimization runs first, once per model.
  package static let portable = Pipeline([
    Stage("simplify", simplify),
    Stage("layout", [layout] + simplify),
    Stage("fuse", fuse),
    Stage("epilogues", [epilogues, DeadCode()]),
  ])

  /// What is known is computed, and what does nothing is left out: the `folded` variant of a comparison.
  package static let folding = Pipeline([Stage("fold", known + [noOperations])])

  /// After sizes are bound: what kernels need of any graph, optimized or not.
  package static let legalize = Pipeline([
    Stage("legalize", [branches, FoldShapes(), parameters, padding, DeadCode()])
  ])

  /// After sizes are bound, of an optimized graph: `portable` again, which now knows more.
  package static let specialize = portable
}
