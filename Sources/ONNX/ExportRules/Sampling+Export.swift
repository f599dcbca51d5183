import IR
import Operators
import Tensors

extension ExportRules {
  static let sampling: [ExportRule] = [
    rule(GridSample.self) { (op, n) throws(Unwritable.Reason) in
      let modes: [GridSample.Mode: (old: String, new: String)] = [
        .nearest: ("nearest", "nearest"), .linear: ("bilinear", "linear"), .cubic: ("bicubic", "cubic"),
      ]
      guard let mode = modes[op.mode] else { throw .form("a mode without a name") }
      let isPlane = n.operand(0)?.shape?.count == 4
      try n.emit(
        "GridSample", since: isPlane ? 16 : 20,
        [
          .text("mode", n.version < 20 ? mode.old : mode.new), .text("padding_mode", op.padding.rawValue),
          .flag("align_corners", op.alignCorners),
        ])
    },
    rule(AffineGrid.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("AffineGrid", since: 20, [.flag("align_corners", op.alignCorners)])
    },
    rule(RoiAlign.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "RoiAlign", since: 16,
        [
          .text("mode", op.mode == .average ? "avg" : "max"), .int("output_height", op.height),
          .int("output_width", op.width), .int("sampling_ratio", op.samplingRatio),
          .real("spatial_scale", op.scale),
          .text("coordinate_transformation_mode", op.halfPixel ? "half_pixel" : "output_half_pixel"),
        ])
    },
    rule(MaxRoiPool.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "MaxRoiPool", [.ints("pooled_shape", [op.height, op.width]), .real("spatial_scale", op.scale)])
    },
    rule(NonMaxSuppression.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit("NonMaxSuppression", [.flag("center_point_box", op.centerPointBox)])
    },
    rule(NegativeLogLikelihoodLoss.self) { (op, n) throws(Unwritable.Reason) in
      try n.emit(
        "NegativeLogLikelihoodLoss", since: 12,
        [.text("reduction", op.reduction.rawValue), op.ignoredClass.map { .int("ignore_index", $0) }])
    },
  ]
}
