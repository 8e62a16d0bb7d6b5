"""Checks every .onnx file of a folder: onnx.checker, and shape inference, which must find every size.

Prints a JSON object: the version of onnx, the newest opset that it knows, and for each file null or what is wrong.
Exit code 3: no onnx for Python.
"""
import json
import pathlib
import sys

try:
    import onnx
    from onnx import checker, shape_inference
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)


def has_sizes(tensor):
    """Whether every size is known, as a number or by name."""
    return tensor.HasField("shape") and all(size.WhichOneof("value") for size in tensor.shape.dim)


def problem(path):
    """What is wrong with a file, or None."""
    try:
        model = onnx.load(str(path))
        checker.check_model(model, full_check=True)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        values = [*inferred.graph.value_info, *inferred.graph.output]
        known = {value.name for value in values if has_sizes(value.type.tensor_type)}
        unknown = [name for node in model.graph.node for name in node.output if name and name not in known]
        return f"no shape is inferred for {unknown}" if unknown else None
    except Exception as error:  # whatever onnx finds is the answer
        return str(error)


if sys.argv[1] == "--version":
    print(json.dumps({"version": onnx.__version__, "opset": onnx.defs.onnx_opset_version()}))
else:
    print(json.dumps({path.name: problem(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))}))
