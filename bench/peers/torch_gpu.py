"""PyTorch on CUDA as a peer: trains the model of a workload with cuDNN. Protocol: see peer.ts.

Requests: a training `update` in float32, in `tf32` (products of 10-bit mantissas), or `mixed` (autocast to float16 with
loss scaling). Times are from the first call to the end of the last one on the GPU.
"""
import json
import sys
import time

try:
    import torch
    from torch import nn
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit()
if not torch.cuda.is_available():
    print(json.dumps({"missing": "PyTorch finds no CUDA"}))
    sys.exit()

cudnn = torch.backends.cudnn
print(
    json.dumps({"version": f"PyTorch {torch.__version__}, cuDNN {cudnn.version()}, {torch.cuda.get_device_name(0)}"}),
    flush=True,
)
spec = json.loads(sys.argv[1])
model = spec["model"]
lengths = torch.tensor(spec["lengths"])
batch, steps = len(lengths), int(lengths.max())
ragged = int(lengths.min()) < steps
flatten, last = model["head"] == "flatten", model["head"] == "last"
width = model["hiddenSize"] * (2 if model["bidirectional"] else 1)
features = width * (steps if flatten else 1 if last else model["numLayers"])

torch.manual_seed(0)
lstm = nn.LSTM(
    model["inputSize"],
    model["hiddenSize"],
    model["numLayers"],
    batch_first=True,
    bidirectional=model["bidirectional"],
).cuda()
linear = nn.Linear(features, model["numClasses"]).cuda()
dropout, loss = nn.Dropout(model["dropout"]), nn.CrossEntropyLoss()
parameters = [*lstm.parameters(), *linear.parameters()]
if flatten or last:
    optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=True)
else:
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
sequences = torch.randn(batch, steps, model["inputSize"], device="cuda")
labels = torch.randint(0, model["numClasses"], (batch,), device="cuda")
scalers = {half: torch.amp.GradScaler("cuda", enabled=half) for half in (False, True)}


def logits():
    inputs = sequences
    if ragged:
        inputs = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, (hidden, _) = lstm(inputs)
    if flatten:
        return linear(dropout(outputs).flatten(1))
    if last:
        return linear(dropout(outputs[:, -1]))
    return linear(dropout(hidden.transpose(0, 1).flatten(1)))


def update(half):
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cuda", dtype=torch.float16, enabled=half):
        value = loss(logits(), labels)
    scalers[half].scale(value).backward()
    scalers[half].step(optimizer)
    scalers[half].update()


for line in sys.stdin:
    request = json.loads(line)
    if request["ask"] == "memory":
        print(json.dumps({"megabytes": torch.cuda.max_memory_allocated() / 2**20}), flush=True)
        continue
    cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = request["ask"] == "tf32"
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(request["times"]):
        update(request["ask"] == "mixed")
    torch.cuda.synchronize()
    print(json.dumps({"seconds": (time.perf_counter() - began) / request["times"]}), flush=True)
