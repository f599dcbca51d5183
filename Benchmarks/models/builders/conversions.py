"""Conversions by the native converters of ncnn and MNN."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def ncnn(entry, folder):
    """Writes model.ncnn.param and model.ncnn.bin with pnnx, in f32 and for one item."""
    import pnnx

    facts = json.loads((folder / "model.json").read_text())
    source = folder / "model.pt"
    layout = facts["files"].get("model.pt", {}).get("layout")
    if not source.exists():
        source, layout = folder / "model.onnx", facts["layout"]
    shapes = []
    for value in facts["inputs"]:
        shape = [1, *value["shape"][1:]]
        if layout == "NCHW" and facts["layout"] == "NHWC" and len(shape) == 4:
            shape = [shape[0], shape[3], shape[1], shape[2]]
        shapes.append(f"[{','.join(map(str, shape))}]" + {"float32": "f32", "int64": "i64"}[value["dtype"]])
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(source, scratch)
        command = [pnnx.EXEC_PATH, source.name, "inputshape=" + ",".join(shapes), "fp16=0",
                   "ncnnparam=out.param", "ncnnbin=out.bin"]
        _run(command, scratch)
        parameters, weights = Path(scratch, "out.param"), Path(scratch, "out.bin")
        unknown = sorted({line.split()[0] for line in parameters.read_text().splitlines()[2:]
                          if "." in line.split()[0] or line.startswith("pnnx")})
        if unknown:
            raise RuntimeError(f"pnnx left operators that ncnn does not have: {', '.join(unknown)}")
        shutil.copy(parameters, folder / "model.ncnn.param")
        shutil.copy(weights, folder / "model.ncnn.bin")
    fact = {"layout": layout, "note": f"pnnx from {source.name}; one item per run"}
    return {"model.ncnn.param": fact, "model.ncnn.bin": fact}


def mnn(entry, folder):
    """Writes model.mnn with MNN's converter, called without the wrapper that reports its use."""
    code = "import sys, _tools; _tools.mnnconvert(sys.argv)"
    _run([sys.executable, "-c", code, "-f", "ONNX", "--modelFile", str(folder / "model.onnx"),
          "--MNNModel", str(folder / "model.mnn"), "--bizCode", "needletail"], folder)
    if not (folder / "model.mnn").exists():
        raise RuntimeError("MNN's converter wrote no file")
    facts = json.loads((folder / "model.json").read_text())
    return {"model.mnn": {"layout": facts["layout"]}}


def _run(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=900)
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
        tail = done.stdout.strip().splitlines()[-1:] or [""]
        raise RuntimeError(f"{Path(command[0]).name} ended with status {done.returncode}: {tail[0][:200]}")
