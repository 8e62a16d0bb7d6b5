/**
 * The Python file beside a model file: the module, how to load its weights, and the preprocessing. People read it and
 * copy from it, so it says only what this model needs. Names in it may be anybody's; they stand in quoted texts alone.
 */

import { directionsOf, featuresOf, type Head } from '../../../model/classifier-config.js';
import type { ExportableModel } from '../../exportable-model.js';
import type { OptimizerSettings } from './optimizer-export.js';
import { type InputPieces, inputOf } from './python-input.js';
import { float, indented, list, quoted } from './python-text.js';

/** What a file is written for. */
export interface PythonModule {
  model: ExportableModel;
  format: 'pytorch' | 'safetensors';
  /** The model file beside it. */
  fileName: string;
  /** Of a file with the state of the optimiser. */
  optimizer: OptimizerSettings | null;
}

/** The text of the file. Its first line is how the command line recognises a file that it may replace. */
export function pythonModule(module: PythonModule): string {
  const { model } = module;
  const input = inputOf(model);
  return [
    introduction(model, input),
    imports(module, input),
    constants(module, input),
    moduleClass(model, input),
    loading(module),
    input.functions,
    mainOf(model),
  ].join('\n');
}

/** The model file that a Python file of an earlier export loads; null if it does not say. */
export function loadedBy(text: string): string | null {
  const found = /^FILE = Path\(__file__\)\.with_name\((".*")\)$/m.exec(text);
  if (!found) return null;
  try {
    return String(JSON.parse(found[1]));
  } catch {
    return null;
  }
}

/** A file that the program in the Python file takes, such as `picture.png`. */
export function pythonArgument(model: ExportableModel): string {
  return inputOf(model).usage;
}

function introduction({ name, config }: ExportableModel, { usage, about }: InputPieces): string {
  const shown = /^[\w-]+$/.test(name) ? name : 'model';
  const layers = `${config.numLayers} LSTM layer${config.numLayers === 1 ? '' : 's'} of ${config.hiddenSize}`;
  const directions = config.bidirectional ? ', in both directions' : '';
  return `\
# Written by scanstroke. The weights are in the file beside this one.
"""A classifier of ${about}.

The network: ${layers}${directions}.

    python ${shown}.py ${usage}
"""`;
}

function imports({ format }: PythonModule, { ragged }: InputPieces): string {
  return `\
import sys
from pathlib import Path
${ragged ? 'from typing import Optional\n' : ''}
import torch
${format === 'safetensors' ? 'from safetensors.torch import load_file\n' : ''}from torch import nn
${ragged ? 'from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence\n' : ''}`;
}

function constants({ model, fileName }: PythonModule, input: InputPieces): string {
  return `\
FILE = Path(__file__).with_name(${quoted(fileName)})
CLASSES = ${list(model.classes.map(quoted))}
${isScaled(model) ? `# Divides the logits before the softmax: fitted on validation data, so that\n# probabilities agree with accuracy.\nTEMPERATURE = ${float(model.temperature)}\n` : ''}${input.constants}`;
}

/** What the linear layer reads, in words. */
const HEAD_WORDS: Record<Head, string> = {
  flatten: 'every output of the last layer',
  final: 'the final hidden state of every layer',
  last: 'the final hidden state of the last layer',
  mean: 'the mean output of the last layer',
};

function moduleClass({ config }: ExportableModel, { ragged }: InputPieces): string {
  const { inputSize, hiddenSize, numLayers, bidirectional, numClasses, head, dropout, layerDropout } = config;
  const lstm = [
    `input_size=${inputSize}`,
    `hidden_size=${hiddenSize}`,
    `num_layers=${numLayers}`,
    'batch_first=True',
    // PyTorch warns of dropout between the layers of a single one.
    ...(layerDropout > 0 && numLayers > 1 ? [`dropout=${float(layerDropout)}`] : []),
    ...(bidirectional ? ['bidirectional=True'] : []),
  ];
  const arguments_ = ragged
    ? '(\n        self, sequences: torch.Tensor, lengths: Optional[torch.Tensor] = None\n    )'
    : '(self, sequences: torch.Tensor)';
  const lengths = ragged
    ? '\n\n        lengths [N]: steps of each sequence, of sequences that are padded at the end.\n        '
    : '';
  return `
class SequenceClassifier(nn.Module):
    """LSTM layers; a linear layer reads ${HEAD_WORDS[head]}."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
${lstm.map((each) => `            ${each},\n`).join('')}        )
        self.dropout = nn.Dropout(${float(dropout)})
        self.fc = nn.Linear(${featuresOf(config)}, ${numClasses})

    def forward${arguments_} -> torch.Tensor:
        """Logits [N, ${numClasses}] of sequences [N, ${config.sequenceLength ?? 'T'}, ${inputSize}].${lengths}"""
${indented(forward(config, ragged))}
        return self.fc(self.dropout(features))
`;
}

const PACK = `\
packed = pack_padded_sequence(
    sequences, lengths.cpu(), batch_first=True, enforce_sorted=False
)
`;

/** Statements that compute \`features\`. */
function forward(config: ExportableModel['config'], ragged: boolean): string {
  const { head, sequenceLength } = config;
  switch (head) {
    case 'flatten':
      if (!ragged) return 'outputs, _ = self.lstm(sequences)\nfeatures = outputs.flatten(1)';
      return `\
if lengths is None:
    outputs, _ = self.lstm(sequences)
else:
    # Outputs past the end of a sequence are zero.
${indented(PACK, 4)}    outputs, _ = pad_packed_sequence(
        self.lstm(packed)[0], batch_first=True, total_length=${sequenceLength}
    )
features = outputs.flatten(1)`;
    case 'mean':
      if (!ragged) return 'outputs, _ = self.lstm(sequences)\nfeatures = outputs.mean(1)';
      return `\
if lengths is None:
    outputs, _ = self.lstm(sequences)
    features = outputs.mean(1)
else:
    # Outputs past the end of a sequence are zero.
${indented(PACK, 4)}    outputs, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
    features = outputs.sum(1) / lengths.to(outputs.device).unsqueeze(1)`;
    case 'final':
    case 'last': {
      const states = head === 'final' ? 'hidden' : `hidden[-${directionsOf(config)}:]`;
      const features = `# hidden is [layers x directions, N, ${config.hiddenSize}]
features = ${states}.transpose(0, 1).flatten(1)`;
      if (!ragged) return `_, (hidden, _) = self.lstm(sequences)\n${features}`;
      return `\
if lengths is None:
    hidden = self.lstm(sequences)[1][0]
else:
${indented(PACK, 4)}    hidden = self.lstm(packed)[1][0]
${features}`;
    }
  }
}

function loading({ format, optimizer }: PythonModule): string {
  const read =
    format === 'safetensors' ? 'load_file(path)' : 'torch.load(path, map_location="cpu", weights_only=True)';
  const parameters =
    optimizer === null
      ? `${read}`
      : format === 'pytorch'
        ? 'checkpoint["model_state_dict"]'
        : '{name: tensors[name] for name in model.state_dict()}';
  const file = format === 'safetensors' ? 'tensors' : 'checkpoint';
  const old =
    format === 'pytorch'
      ? '    # PyTorch 1.13 refuses the numbers of an optimiser, unless weights_only=False.\n'
      : '';
  const load = `
def load(path: Path = FILE) -> SequenceClassifier:
    """The model with its weights, ready to classify."""
    model = SequenceClassifier()
${optimizer === null ? '' : `${old}    ${file} = ${read}\n`}    model.load_state_dict(${parameters})
    return model.eval()
`;
  if (optimizer === null) return load;
  return `${load}

def load_training(
    path: Path = FILE,
) -> "tuple[SequenceClassifier, torch.optim.Optimizer]":
    """The model and its optimiser, ready for the next update."""
    model = load(path).train()
    ${file} = ${read}
    optimizer = ${constructorOf(optimizer)}
${format === 'pytorch' ? '    optimizer.load_state_dict(checkpoint["optimizer_state_dict"])\n' : stateFromTensors(optimizer)}    return model, optimizer
`;
}

function constructorOf({ name, lr, momentum, nesterov, betas, eps, weightDecay }: OptimizerSettings): string {
  const settings =
    name === 'sgd'
      ? [`momentum=${float(momentum)}`, `nesterov=${nesterov ? 'True' : 'False'}`]
      : [`betas=(${float(betas[0])}, ${float(betas[1])})`, `eps=${float(eps)}`];
  const all = ['model.parameters()', `lr=${float(lr)}`, ...settings, `weight_decay=${float(weightDecay)}`];
  const rule = { sgd: 'SGD', adam: 'Adam', adamw: 'AdamW' }[name];
  return `torch.optim.${rule}(\n${all.map((each) => `        ${each},\n`).join('')}    )`;
}

function stateFromTensors({ name, momentum }: OptimizerSettings): string {
  const vectors = name === 'sgd' ? (momentum > 0 ? ['momentum_buffer'] : []) : ['exp_avg', 'exp_avg_sq'];
  if (vectors.length === 0) return '';
  const members = [
    ...(name === 'sgd' ? [] : ['"step": tensors["optimizer.step"].clone()']),
    ...vectors.map((vector) => `"${vector}": tensors[f"optimizer.${vector}.{name}"]`),
  ];
  return `\
    state = {
        index: {
${members.map((each) => `            ${each},\n`).join('')}        }
        for index, (name, _) in enumerate(model.named_parameters())
    }
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
`;
}

/** Whether probabilities are not the softmax of the logits themselves. */
function isScaled(model: ExportableModel): model is ExportableModel & { temperature: number } {
  return model.temperature !== undefined && model.temperature !== 1;
}

function mainOf(model: ExportableModel): string {
  return isScaled(model)
    ? MAIN.replace(
        PROBABILITIES,
        `logits = model(preprocess(read(path)))
            probabilities = (logits / TEMPERATURE).softmax(1)`,
      )
    : MAIN;
}

const PROBABILITIES = 'probabilities = model(preprocess(read(path))).softmax(1)';

const MAIN = `
def main() -> None:
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    model = load()
    for path in sys.argv[1:]:
        with torch.no_grad():
            ${PROBABILITIES}
        for row in probabilities:
            best = int(row.argmax())
            print(f"{path}: {CLASSES[best]} ({row[best]:.1%})")


if __name__ == "__main__":
    main()
`;
