"""Builds benchmark models: `make [--force] [--list] [NAME ...]`."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from .catalogue import CATALOGUE
from .verification import verify

MODELS = Path(__file__).resolve().parents[1]
SCHEMA = 1
# The files each step writes, by the family of the model; `twin` exists for the digit models alone.
STEPS = {
    "keras": {"litert": ["model.tflite"], "graphs": ["frozen.pb", "grappler.pb"], "twin": ["model.pt"],
              "ncnn": ["model.ncnn.param", "model.ncnn.bin"], "mnn": ["model.mnn"]},
    "torch": {"ncnn": ["model.ncnn.param", "model.ncnn.bin"], "mnn": ["model.mnn"]},
}
NEVER = {"torch": {file: "the model comes from PyTorch, and no converter to this format is among the pinned packages"
                   for file in ("model.keras", "frozen.pb", "grappler.pb", "model.tflite")}}
NO_TWIN = "the model comes from Keras and has no PyTorch twin"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run_step(name, step, folder):
    """The step's facts, or the reason why there are none."""
    command = [sys.executable, "-m", "builders.step", name, step, str(folder)]
    done = subprocess.run(command, cwd=MODELS, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, errors="replace")
    facts = folder / f"{step}.facts"
    if done.returncode == 0 and facts.exists():
        result = json.loads(facts.read_text())
        facts.unlink()
        return result, None
    say(done.stderr[-6000:])
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    ending = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    return None, f"step '{step}' failed ({ending}): {lines[-1][:300] if lines else 'no message'}"


def operators(path):
    import onnx

    counts = {}
    for node in onnx.load(path, load_external_data=False).graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def build(entry, target):
    folder = target.with_name(f".{entry.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"{entry.name}: building the origin")
    origin, reason = run_step(entry.name, "origin", folder)
    if reason:
        shutil.rmtree(folder)
        raise RuntimeError(reason)
    facts = {"schema": SCHEMA, "name": entry.name, "title": entry.title, "origin": entry.family,
             "licence": entry.licence, "seed": entry.seed, **origin,
             "operators": operators(folder / "model.onnx"), "files": {}, "absent": dict(NEVER.get(entry.family, {}))}
    for file in ("model.onnx", "model.keras", "model.pt"):
        if (folder / file).exists():
            facts["files"][file] = {"layout": facts["layout"]}
    for step, files in STEPS[entry.family].items():
        if step == "twin" and not entry.name.startswith("mnist"):
            facts["absent"] |= dict.fromkeys(files, NO_TWIN)
            continue
        say(f"{entry.name}: {', '.join(files)}")
        write(facts, folder)
        made, reason = run_step(entry.name, step, folder)
        if reason:
            say(f"{entry.name}: {reason}")
            for file in files:
                (folder / file).unlink(missing_ok=True)
            facts["absent"] |= dict.fromkeys(files, reason)
        else:
            facts["files"] |= made
    for file, fact in facts["files"].items():
        fact["size_bytes"] = (folder / file).stat().st_size
    write(facts, folder)
    say(f"{entry.name}: comparing each file's answers with ONNX Runtime's")
    verify(facts, folder)
    write(facts, folder)
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


def write(facts, folder):
    (folder / "model.json").write_text(json.dumps(facts, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/models/make", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help="models to build (all of them by default)")
    parser.add_argument("--force", action="store_true", help="build again what is there")
    parser.add_argument("--list", action="store_true", help="list the models and end")
    parser.add_argument("--built", type=Path, default=MODELS / "built", help="the folder to write to")
    parser.add_argument("--verify", action="store_true", help="only compare again the answers of what is there")
    options = parser.parse_args()
    if options.list:
        for entry in CATALOGUE.values():
            print(f"{entry.name:20} {entry.title}")
        return 0
    if unknown := [name for name in options.names if name not in CATALOGUE]:
        parser.error(f"no model is called '{unknown[0]}'; there are {', '.join(CATALOGUE)}")
    failed = []
    for name in options.names or CATALOGUE:
        target = options.built.resolve() / name
        if options.verify:
            facts = json.loads((target / "model.json").read_text())
            verify(facts, target)
            write(facts, target)
        elif (target / "model.json").exists() and not options.force:
            say(f"{name}: there already")
        else:
            try:
                build(CATALOGUE[name], target)
            except RuntimeError as error:
                say(f"{name}: {error}")
                failed.append(name)
    if failed:
        say(f"not built: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
