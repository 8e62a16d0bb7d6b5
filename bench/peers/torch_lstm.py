"""PyTorch as a peer: trains and runs the model of a workload. Protocol: see peer.ts.

Requests: a training `update`, the `forward` pass of the batch, one `sample`, one more `point` from the states
before it. `memory` returns the peak resident set size so far.
"""
import json
import resource
import sys
import time

try:
    import torch
    from torch import nn
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit()

print(json.dumps({"version": f"PyTorch {torch.__version__}"}), flush=True)
spec = json.loads(sys.argv[1])
model = spec["model"]
lengths = torch.tensor(spec["lengths"])
batch, steps = len(lengths), int(lengths.max())
flatten = model["head"] == "flatten"
directions = 2 if model["bidirectional"] else 1
width = directions * model["hiddenSize"]

torch.manual_seed(0)
lstm = nn.LSTM(
    model["inputSize"],
    model["hiddenSize"],
    model["numLayers"],
    batch_first=True,
    bidirectional=model["bidirectional"],
)
linear = nn.Linear(width * (steps if flatten else model["numLayers"]), model["numClasses"])
dropout, loss = nn.Dropout(model["dropout"]), nn.CrossEntropyLoss()
parameters = [*lstm.parameters(), *linear.parameters()]
optimizer = torch.optim.Adam(parameters, lr=1e-4) if flatten else torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
sequences = torch.randn(batch, steps, model["inputSize"])
labels = torch.randint(0, model["numClasses"], (batch,))
one = torch.randn(1, spec["sampleSteps"], model["inputSize"])
point, states = one[:, :1], None


def logits(inputs, packed):
    if packed:
        inputs = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, (hidden, _) = lstm(inputs)
    features = outputs.flatten(1) if flatten else hidden.transpose(0, 1).flatten(1)
    return linear(dropout(features))


def update():
    optimizer.zero_grad()
    loss(logits(sequences, packed=not flatten and batch > 1), labels).backward()
    nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()


def forward():
    with torch.no_grad():
        logits(sequences, packed=not flatten and batch > 1)


def sample():
    with torch.no_grad():
        logits(one, packed=False)


def advance():
    global states
    with torch.no_grad():
        _, states = lstm(point, states)
        linear(states[0].transpose(0, 1).flatten(1))


def peak_megabytes():
    """Peak resident set size in MiB. On Linux, getrusage would include the peak of the parent process."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS reports bytes
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 2**10 for line in status if line.startswith("VmHWM"))


actions = {"update": update, "forward": forward, "sample": sample, "point": advance}
for line in sys.stdin:
    request = json.loads(line)
    if request["ask"] == "memory":
        print(json.dumps({"megabytes": peak_megabytes()}), flush=True)
        continue
    torch.set_num_threads(request["threads"])
    dropout.train(request["ask"] == "update")
    began = time.perf_counter()
    for _ in range(request["times"]):
        actions[request["ask"]]()
    print(json.dumps({"seconds": (time.perf_counter() - began) / request["times"]}), flush=True)
