"""PyTorch's speed on the shapes that bench/ measures, one JSON object on standard output.

  torch_lstm.py product THREADS                              float32 matrix product of 2048 x 2048
  torch_lstm.py rows THREADS BATCH HIDDEN LAYERS             a training step on 28 x 28 rows, bidirectional, Adam

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
    lstm = nn.LSTM(28, hidden, layers, batch_first=True, bidirectional=True)
    linear, dropout, loss = nn.Linear(28 * 2 * hidden, 10), nn.Dropout(0.2), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*lstm.parameters(), *linear.parameters()], lr=1e-4)
    images, labels = torch.randn(batch, 28, 28), torch.randint(0, 10, (batch,))

    def step():
        optimizer.zero_grad()
        outputs, _ = lstm(images)
        loss(linear(dropout(outputs).reshape(batch, -1)), labels).backward()
        optimizer.step()

    products = sum(8 * hidden * ((28 if layer == 0 else 2 * hidden) + hidden) * 2 for layer in range(layers))
    seconds = median_seconds(step, 3)
    result = {"gflops": 3 * products * 28 * batch / seconds / 1e9, "samplesPerSecond": batch / seconds}

print(json.dumps({"version": f"PyTorch {torch.__version__}", **result}))
