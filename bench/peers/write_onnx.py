"""Writes the model of a workload as an ONNX graph: write_onnx.py CONFIG WEIGHTS.safetensors TARGET.onnx

CONFIG is the configuration of the model as JSON. The graph maps `inputs` [B, T, I] and `lengths` [B] to `logits` [B, K]:
stacked LSTM operators, then the head `flatten` or `final`, then Gemm. Needs onnx and numpy.
"""
import json
import struct
import sys

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

config = json.loads(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    values = file.read()
weights = {
    name: np.frombuffer(values[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
    for name, entry in header.items()
    if name != "__metadata__"
}

H, layers = config["hiddenSize"], config["numLayers"]
directions = 2 if config["bidirectional"] else 1
nodes, initializers = [], []


def constant(name, value):
    initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def node(operator, inputs, outputs, **attributes):
    nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
    return outputs[0]


def gates(name, layer):
    """A parameter of a layer, [D, 4H, …]: reorders the gates from i, f, g, o to ONNX's i, o, f, g."""
    suffixes = ["", "_reverse"][:directions]
    stacked = np.stack([weights[f"lstm.{name}_l{layer}{suffix}"] for suffix in suffixes])
    i, f, g, o = np.split(stacked, 4, axis=1)
    return np.concatenate([i, o, f, g], axis=1)


sequence = node("Transpose", ["inputs"], ["time_major"], perm=[1, 0, 2])  # [T, B, I]
finals = []
for layer in range(layers):
    operands = [
        sequence,
        constant(f"w{layer}", gates("weight_ih", layer)),
        constant(f"r{layer}", gates("weight_hh", layer)),
        constant(f"b{layer}", np.concatenate([gates("bias_ih", layer), gates("bias_hh", layer)], axis=1)),
        "lengths",
    ]
    direction = "bidirectional" if directions == 2 else "forward"
    outputs = [f"y{layer}", f"h{layer}"]  # [T, D, B, H], [D, B, H]
    node("LSTM", operands, outputs, hidden_size=H, direction=direction)
    finals.append(outputs[1])
    beside = node("Transpose", [outputs[0]], [f"beside{layer}"], perm=[0, 2, 1, 3])  # [T, B, D, H]
    shape = constant(f"shape{layer}", np.array([0, 0, directions * H], np.int64))
    sequence = node("Reshape", [beside, shape], [f"outputs{layer}"])

row = constant("row", np.array([0, -1], np.int64))
if config["head"] == "flatten":
    batch_major = node("Transpose", [sequence], ["batch_major"], perm=[1, 0, 2])
else:
    stacked = node("Concat", finals, ["stacked"], axis=0)  # [L·D, B, H]
    batch_major = node("Transpose", [stacked], ["batch_major"], perm=[1, 0, 2])
features = node("Reshape", [batch_major, row], ["features"])
head = [features, constant("fc_weight", weights["fc.weight"]), constant("fc_bias", weights["fc.bias"])]
node("Gemm", head, ["logits"], transB=1)

graph = helper.make_graph(
    nodes,
    "scanstroke",
    [
        helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["B", "T", config["inputSize"]]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["B"]),
    ],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", config["numClasses"]])],
    initializers,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
onnx.checker.check_model(model)
onnx.save(model, sys.argv[3])
