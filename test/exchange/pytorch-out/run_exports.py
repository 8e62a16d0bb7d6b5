"""Runs exported models in PyTorch, and prints what they compute as JSON.

Usage: run_exports.py JOBS.json. A job has `file`, the exported Python file, and
`run`, one of the functions below, with its arguments.
"""
import importlib.util
import json
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import types
import zipfile

try:
    import numpy
    import torch
    from PIL import Image
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

TYPES = {"F32": torch.float32}


def load_file(path):
    """safetensors.torch.load_file, for machines without that library."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[start:end]), dtype=TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


try:
    import safetensors.torch
except ImportError:
    library = types.ModuleType("safetensors.torch")
    library.load_file = load_file
    sys.modules["safetensors"] = types.ModuleType("safetensors")
    sys.modules["safetensors.torch"] = library


strict_load = torch.load


def load_numbers(path, **options):
    """PyTorch 1.13 refuses floats, and so every optimiser, with weights_only."""
    try:
        return strict_load(path, **options)
    except pickle.UnpicklingError as error:
        if "Unsupported operand 71" not in str(error):
            raise
        return strict_load(path, **{**options, "weights_only": False})


if torch.__version__.startswith("1.13"):
    torch.load = load_numbers


def module_of(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tensor(spec, dtype=torch.float32):
    return torch.tensor(spec["data"], dtype=dtype).reshape(spec["shape"])


def flat(value):
    return value.detach().double().flatten().tolist()


def logits(module, job):
    """Of each batch."""
    model = module.load()
    results = []
    for batch in job["batches"]:
        arguments = [tensor(batch["inputs"])]
        if "lengths" in batch:
            arguments.append(torch.tensor(batch["lengths"]))
        with torch.no_grad():
            results.append(flat(model(*arguments)))
    dropout = [model.dropout.p, model.lstm.dropout, model.training]
    return {"logits": results, "classes": module.CLASSES, "dropout": dropout}


def preprocess(module, job):
    """The sequences of pictures or moves, and their logits."""
    inputs = tensor(job["inputs"], torch.uint8 if job["pictures"] else torch.int16)
    sequences = module.preprocess(inputs)
    with torch.no_grad():
        results = module.load()(sequences)
    return {"sequences": flat(sequences), "logits": flat(results)}


def update(module, job):
    """Parameters after the next update of a training, and the steps it has made."""
    model, optimizer = module.load_training()
    assert model.training
    for layer in model.modules():
        if hasattr(layer, "dropout") and isinstance(layer.dropout, float):
            layer.dropout = 0.0
    results = model(tensor(job["inputs"]), torch.tensor(job["lengths"]))
    optimizer.zero_grad()
    labels = torch.tensor(job["labels"])
    torch.nn.functional.cross_entropy(results, labels).backward()
    optimizer.step()
    state = optimizer.state_dict()
    steps = {float(each["step"]) for each in state["state"].values() if "step" in each}
    group = {key: value for key, value in state["param_groups"][0].items() if key != "params"}
    parameters = {name: flat(value) for name, value in model.state_dict().items()}
    return {"parameters": parameters, "steps": sorted(steps), "group": group}


def checkpoint(module, job):
    """What torch.load gives, without the names of the exported file."""
    with zipfile.ZipFile(module.FILE) as archive:
        assert archive.testzip() is None
    value = torch.load(module.FILE, weights_only=True)
    parameters = value.get("model_state_dict", value)
    return {
        "keys": list(value),
        "names": list(parameters),
        "type": type(parameters).__name__,
        "shapes": [list(each.shape) for each in parameters.values()],
        "contiguous": all(each.is_contiguous() for each in parameters.values()),
        "rest": {key: value[key] for key in ("epoch", "loss") if key in value},
    }


def command(module, job):
    """What the file prints as a program, for a NumPy array, a picture or a text."""
    folder = pathlib.Path(tempfile.mkdtemp())
    path = folder / job["input"]
    if path.suffix == ".txt":
        path.write_text(job["text"])
    elif path.suffix == ".npy":
        numpy.save(path, tensor(job["inputs"], getattr(torch, job["type"])).numpy())
    else:
        pixels = tensor(job["inputs"], torch.uint8).numpy()
        Image.fromarray(pixels).save(path)
    ran = subprocess.run(
        [sys.executable, job["file"], str(path)], capture_output=True, text=True
    )
    path.unlink()
    folder.rmdir()
    return {"status": ran.returncode, "output": ran.stdout, "errors": ran.stderr}


RUNS = {run.__name__: run for run in (logits, preprocess, update, checkpoint, command)}

if sys.argv[1] == "--version":
    print(json.dumps(torch.__version__))
    sys.exit()
torch.set_num_threads(1)
jobs = json.loads(pathlib.Path(sys.argv[1]).read_text())
print(json.dumps([RUNS[job["run"]](module_of(job["file"]), job) for job in jobs]))
