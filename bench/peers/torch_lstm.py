"""PyTorch's speed on the shapes that bench/ measures, one JSON object on standard output.

  torch_lstm.py product THREADS                              float32 matrix product of 2048 x 2048
  torch_lstm.py rows THREADS BATCH HIDDEN LAYERS             a training step on 28 x 28 rows, bidirectional, Adam
  torch_lstm.py strokes THREADS BATCH HIDDEN LAYERS          a training step on packed sequences of 40 steps give or
                                                             take 10, final hidden states of all layers, SGD

GFLOP/s counts the LSTM's matrix products, three times the forward ones, as bench/workload.ts does.
"""
import json
import sys
import time

import torch
from torch import nn

mode, threads, *sizes = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
torch.manual_seed(0)


def median_seconds(action, times):
    action()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[times // 2]


if mode == "product":
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    result = {"gflops": 2 * 2048**3 / median_seconds(lambda: a @ b, 7) / 1e9}
else:
    batch, hidden, layers = sizes
    rows = mode == "rows"
    inputs, directions = (28, 2) if rows else (4, 1)
    lengths = torch.full((batch,), 28) if rows else (40 + 10 * torch.randn(batch)).round().long().clamp(13, 117)
    lstm = nn.LSTM(inputs, hidden, layers, batch_first=True, bidirectional=rows)
    linear = nn.Linear(28 * 2 * hidden if rows else layers * hidden, 10)
    dropout, loss = nn.Dropout(0.2), nn.CrossEntropyLoss()
    parameters = [*lstm.parameters(), *linear.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-4) if rows else torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
    sequences, labels = torch.randn(batch, int(lengths.max()), inputs), torch.randint(0, 10, (batch,))

    def logits():
        if rows:
            return linear(dropout(lstm(sequences)[0]).reshape(batch, -1))
        packed = sequences
        if batch > 1:
            packed = nn.utils.rnn.pack_padded_sequence(sequences, lengths, batch_first=True, enforce_sorted=False)
        return linear(lstm(packed)[1][0].transpose(0, 1).reshape(batch, -1))

    def step():
        optimizer.zero_grad()
        loss(logits(), labels).backward()
        optimizer.step()

    products = 0
    for layer in range(layers):
        products += 8 * hidden * ((inputs if layer == 0 else directions * hidden) + hidden) * directions
    seconds = median_seconds(step, 3)
    result = {"gflops": 3 * products * int(lengths.sum()) / seconds / 1e9, "samplesPerSecond": batch / seconds}

print(json.dumps({"version": f"PyTorch {torch.__version__}", **result}))
