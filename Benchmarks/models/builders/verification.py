"""Each file's answers compared with those ONNX Runtime gives for model.onnx, on seeded inputs."""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Peers"))

from client import Declined, difference, measure, write_inputs  # noqa: E402

READERS = {"model.onnx": "onnxruntime", "model.keras": "keras", "frozen.pb": "tensorflow_frozen",
           "grappler.pb": "tensorflow_grappler", "model.tflite": "litert", "model.pt": "pytorch",
           "model.ncnn.param": "ncnn", "model.mnn": "mnn"}


# Share of the outputs' magnitude beyond which a file is of another model.
WRONG = 2e-2


def verify(facts, folder):
    """Adds to each file the largest absolute difference of its outputs; takes away files that give wrong ones or none."""
    with tempfile.TemporaryDirectory() as scratch:
        expected = {}
        for batch in (1, 2):
            inputs = Path(scratch, str(batch))
            inputs.mkdir()
            write_inputs(facts, batch, inputs)
            expected[batch] = measure("onnxruntime_unoptimized", folder, inputs)["arrays"]
        facts["output_magnitude"] = float(max(np.abs(array).max() for array in expected[2]))
        if not all(np.isfinite(array).all() for array in expected[2]):
            raise RuntimeError("the model's outputs are not finite")
        for file, engine in READERS.items():
            fact = facts["files"].get(file)
            if not fact:
                continue
            fact.pop("unverified", None)
            batch = 1 if engine == "ncnn" else 2
            try:
                arrays = measure(engine, folder, Path(scratch, str(batch)))["arrays"]
                distance = difference(arrays, expected[batch])
                if not distance <= WRONG * facts["output_magnitude"]:
                    raise ValueError(f"outputs differ by {distance:.3g}")
                fact |= {"maximum_absolute_difference": distance, "compared_batch": batch}
            except (Declined, ValueError) as error:
                if isinstance(error, Declined) and error.verb == "unsupported" and "not installed" in str(error):
                    fact["unverified"] = str(error)
                    continue
                reason = f"{engine}: {str(error).replace(str(folder) + '/', '')}"
                if file == "model.onnx":
                    raise RuntimeError(reason) from None
                print(f"{facts['name']}: {file} left out: {reason}", file=sys.stderr)
                for name in {file, file.replace(".param", ".bin")}:
                    (folder / name).unlink()
                    del facts["files"][name]
                    facts["absent"][name] = reason
