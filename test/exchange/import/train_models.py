"""
Trains models as the two original projects do, for import-from-torch.test.ts, and writes their files and answers.
Usage: train_models.py --version, or train_models.py MNIST_FOLDER SMALL_FOLDER OUT_FOLDER. Exit code 3: no PyTorch.
SMALL_FOLDER has training images and indices.json, of those that one more update is made on.
"""
import json, os, sys
try:
    import numpy, torch
    import torch.nn as nn, torch.nn.functional as F
except ImportError:
    sys.exit(3)
if sys.argv[1] == '--version':
    print(torch.__version__)
    sys.exit(0)
mnist, small, out = sys.argv[1:]
torch.manual_seed(3)
torch.set_num_threads(1)


class RowNet(nn.Module):
    """The mnist-lstm project: every step of a bidirectional stack into one linear layer."""
    def __init__(self, hidden):
        super().__init__()
        self.LSTM = nn.LSTM(28, hidden, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden * 28, 10)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        y, _ = self.LSTM(x)
        return self.fc(self.dropout(y).reshape(len(x), -1))


class LSTMTagger(nn.Module):
    """The sequential-MNIST notebook: final hidden states of all layers, unbatched, softmax in the model."""
    def __init__(self, features, hidden, layers):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, num_layers=layers)
        self.hidden2tag = nn.Linear(hidden * layers, 10)

    def forward(self, sequence):
        hidden, _ = self.lstm(sequence)[-1]
        return F.softmax(self.hidden2tag(torch.flatten(hidden)), dim=0)


def load(folder, part):
    pixels = numpy.fromfile(f'{folder}/{part}-images-idx3-ubyte', numpy.uint8)[16:].reshape(-1, 28, 28)
    labels = numpy.fromfile(f'{folder}/{part}-labels-idx1-ubyte', numpy.uint8)[8:]
    # ToTensor and Normalize((0.5,), (0.5,))
    return (torch.from_numpy(pixels.astype(numpy.float32)) / 255 - 0.5) / 0.5, torch.from_numpy(labels.astype(numpy.int64))


def update(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def save(name, value):
    torch.save(value, f'{out}/{name}')



results = {}
x, y = load(mnist, 'train')
model = RowNet(12)
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for i in range(60):
    update(model, optimizer, x[i * 64:(i + 1) * 64], y[i * 64:(i + 1) * 64])
save('rows.pt', {'state_dict': model.state_dict(), 'optimizer': optimizer.state_dict()})
model.eval()
with torch.no_grad():
    tx, ty = load(mnist, 't10k')
    results['correct'] = int((torch.cat([model(part) for part in tx.split(1000)]).argmax(1) == ty).sum())

indices = torch.tensor(json.load(open(f'{small}/indices.json')))
sx, sy = load(small, 'train')
sx, sy = sx[indices], sy[indices]
optimizers = {
    'adam': lambda parameters: torch.optim.Adam(parameters, 2e-3, betas=(0.8, 0.99), eps=1e-7, weight_decay=1e-3),
    'adamw': lambda parameters: torch.optim.AdamW(parameters, 2e-3),
    'momentum': lambda parameters: torch.optim.SGD(parameters, 0.05, momentum=0.8, weight_decay=1e-4),
    'nesterov': lambda parameters: torch.optim.SGD(parameters, 0.05, momentum=0.8, nesterov=True),
}
for name, make in optimizers.items():
    model = RowNet(6)
    model.dropout.p = 0
    optimizer = make(model.parameters())
    for i in range(5):
        loss = update(model, optimizer, x[i * 64:(i + 1) * 64], y[i * 64:(i + 1) * 64])
    save(f'{name}.pt', {'epoch': 4, 'model_state_dict': model.state_dict(),
                        'optimizer_state_dict': optimizer.state_dict(), 'loss': loss})
    update(model, optimizer, sx, sy)
    save(f'{name}.next.pt', model.state_dict())

tagger = LSTMTagger(4, 32, 6)
optimizer = torch.optim.SGD(tagger.parameters(), 0.01, momentum=0.9)
sequence = torch.randint(-2, 3, (43, 4)).float()
for _ in range(3):
    optimizer.zero_grad()
    F.cross_entropy(tagger(sequence)[None], torch.tensor([4])).backward()
    optimizer.step()
tagger.eval()
save('lstm-chk-2.pt', {'epoch': 2, 'model_state_dict': tagger.state_dict(),
                       'optimizer_state_dict': optimizer.state_dict(), 'loss': [2.3, 2.2]})
save('lstm-trained.pt', tagger)
save('lstm-state.pt', tagger.state_dict())
torch.jit.script(tagger).save(f'{out}/model_scripted.pt')
with torch.no_grad():
    results['sequence'] = sequence.flatten().tolist()
    results['probabilities'] = tagger(sequence).tolist()
json.dump(results, open(f'{out}/results.json', 'w'))
