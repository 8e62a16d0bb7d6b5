/**
 * The Python file beside a model file: the module, how to load its weights, and the preprocessing. People read it and
 * copy from it, so it says only what this model needs. Names in it may be anybody's; they stand in quoted texts alone.
 */

import { DESLANT_FIRST, MOST_SLANT } from '../../../data/deslant.js';
import { pixelOrder } from '../../../data/images/image-preprocessing.js';
import type { KindTypes } from '../../../data/input-kind.js';
import { directionsOf, featuresOf, type Head } from '../../../model/classifier-config.js';
import type { ExportableModel } from '../../exportable-model.js';
import type { OptimizerSettings } from './optimizer-export.js';

/** What a file is written for. */
export interface PythonModule {
  model: ExportableModel;
  format: 'pytorch' | 'safetensors';
  /** The model file beside it. */
  fileName: string;
  /** Of a file with the state of the optimiser. */
  optimizer: OptimizerSettings | null;
}

/** Letters of a line, where lists are wrapped: PEP 8's limit. */
const LINE_LETTERS = 79;

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

/** A file that the program in the Python file takes, such as `picture.png`. */
export function pythonArgument(model: ExportableModel): string {
  return inputOf(model).usage;
}

/** What depends on the kind of input. */
interface InputPieces {
  /** Arguments of the usage line. */
  usage: string;
  /** What the model reads, for the introduction. */
  about: string;
  /** Sequences differ in length. */
  ragged: boolean;
  constants: string;
  /** `preprocess` and `read`. */
  functions: string;
}

function inputOf(model: ExportableModel): InputPieces {
  const { preprocessing } = model;
  if (preprocessing === null) return sequenceInput(model);
  return preprocessing.kind === 'images' ? imageInput(preprocessing) : strokeInput(preprocessing);
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

/** Dark ink on bright paper: of a picture with a bright border the negative is classified, because ink is bright in MNIST. */
const DARK_INK = `    rows = pixels.reshape(SIZE)
    border = torch.cat([rows[0], rows[-1], rows[:, 0], rows[:, -1]])
    if border.float().mean() > 127:  # dark ink on bright paper
        pixels = 255 - pixels
`;

function imageInput(preprocessing: KindTypes['images']['preprocessing']): InputPieces {
  const { sequenceLength, inputSize, channels, height, width, mean, std, deslant } = preprocessing;
  const order = pixelOrder(preprocessing);
  const shape = `[N, ${channels}, ${height}, ${width}]`;
  const ink = channels === 1 ? `\n\n    0 is paper, 255 is ink.\n    ` : '';
  const mode = { 1: 'L', 3: 'RGB' }[channels];
  const rows = channels === 1 ? 'values.flatten(1)' : 'values.permute(0, 2, 1, 3).flatten(1)';
  const picture = `
    from PIL import Image

    picture = Image.open(path).convert("${mode}")
    if picture.size != (${width}, ${height}):
        sys.exit(f"{path}: expected ${width} x ${height} pixels, found {picture.size}")
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
${channels === 1 ? DARK_INK.replaceAll('SIZE', `${height}, ${width}`) : ''}    return pixels.reshape(1, ${height}, ${width}, ${channels}).permute(0, 3, 1, 2)
`;
  const array = '    import numpy\n\n';
  const loaded = `torch.from_numpy(numpy.load(path)).reshape(-1, ${channels}, ${height}, ${width})`;
  return {
    usage: mode === undefined ? 'images.npy' : 'picture.png',
    about: `pictures of ${width} x ${height} pixels, in ${sequenceLength} steps of ${inputSize} values`,
    ragged: false,
    constants:
      order === null
        ? ''
        : `# Value k of a sequence is value ORDER[k] of the picture.\nORDER = ${list([...order].map(String))}\n`,
    functions: `${deslant ? removeSlant(height, width) : ''}
def preprocess(images: torch.Tensor) -> torch.Tensor:
    """Sequences [N, ${sequenceLength}, ${inputSize}] of pictures ${shape}, uint8.${ink}"""
    values = (${deslant ? 'remove_slant(images)' : 'images.float()'} / 255 - ${float(mean)}) / ${float(std)}
    ${channels === 1 ? '' : '# Row by row, and within a row channel by channel.\n    '}values = ${rows}
${order === null ? '' : '    values = values[:, ORDER]\n'}    return values.reshape(-1, ${sequenceLength}, ${inputSize})


def read(path: str) -> torch.Tensor:
    """Pictures ${shape} of a ${mode === undefined ? '' : 'picture, or of a '}NumPy array, uint8."""
${
  mode === undefined
    ? `${array}    return ${loaded}\n`
    : `    if path.endswith(".npy"):
        import numpy

        images = torch.from_numpy(numpy.load(path))
        return images.reshape(-1, ${channels}, ${height}, ${width})
${picture.slice(1)}`
}`,
  };
}

function strokeInput(preprocessing: KindTypes['strokes']['preprocessing']): InputPieces {
  const { order, deslant, position } = preprocessing;
  const source =
    order === 'tour'
      ? 'scanstroke makes the moves of a picture: a tour over its thinned lines.'
      : 'scanstroke makes the moves of a drawing, in the order of the pen.';
  return {
    usage: 'moves.txt',
    about: 'pen strokes, read move by move',
    ragged: true,
    constants: '',
    functions: `
def preprocess(moves: torch.Tensor) -> torch.Tensor:
    """Sequences [N, T, ${position ? 6 : 4}] of moves [N, T, 4]: dx, dy, end of stroke, end of drawing.${position ? PLACES : ''}

    ${source}
    This writes a text file for each, with a move on each line:
        npx scanstroke data strokes --data FOLDER${order === 'tour' ? '' : ` --order ${order}`} --out strokes/${deslantNote(deslant)}
    """
${moveValues(preprocessing)}


def read(path: str) -> torch.Tensor:
    """Moves [1, T, 4] of a text file, or of a NumPy array [T, 4]."""
    if path.endswith(".npy"):
        import numpy

        return torch.from_numpy(numpy.load(path)).reshape(1, -1, 4)
    lines = Path(path).read_text().splitlines()
    moves = [[int(number) for number in line.split()] for line in lines]
    return torch.tensor(moves).reshape(1, -1, 4)
`,
  };
}

/** The rule of data/deslant.ts, with its roundings. */
const removeSlant = (height: number, width: number) => `
def remove_slant(images: torch.Tensor) -> torch.Tensor:
    """Pictures [N, 1, ${height}, ${width}] without slant: a shear makes the covariance of x and y of their ink zero."""
    ink = images.double()
    y = torch.arange(${height}, dtype=ink.dtype, device=ink.device).view(1, 1, -1, 1)
    x = torch.arange(${width}, dtype=ink.dtype, device=ink.device).view(1, 1, 1, -1)

    def total(values: torch.Tensor) -> torch.Tensor:
        return values.sum((1, 2, 3), keepdim=True)

    mass, sum_x, sum_y = total(ink).clamp(min=1), total(ink * x), total(ink * y)
    middle = sum_y / mass
    spread = total(ink * y * y) - sum_y * middle
    slope = (total(ink * x * y) - sum_x * middle) / spread.clamp(min=1e-3)
    shift = slope.clamp(-${MOST_SLANT}, ${MOST_SLANT}) * (y - middle)
    whole = shift.floor()
    # Between two neighbours in the pixel row; outside of the picture is paper.
    framed = torch.nn.functional.pad(ink, (1, 1))
    place = (whole + x).long()
    left = framed.gather(3, (place + 1).clamp(0, ${width + 1}))
    right = framed.gather(3, (place + 2).clamp(0, ${width + 1}))
    return (left + (shift - whole) * (right - left) + 0.5).floor().float()

`;

/** Statements of the function that makes the input of moves. */
function moveValues({ scale, position, width, height }: KindTypes['strokes']['preprocessing']): string {
  const scaled =
    scale === 1 ? '' : ` * torch.tensor([${float(scale)}, ${float(scale)}, 1, 1], device=moves.device)`;
  if (!position) return `    return moves.float()${scaled}`;
  return `\
    size = torch.tensor([${width}, ${height}], device=moves.device)
    places = (moves[..., :2].float().cumsum(1) - (size + 1) / 2) / (size / 4)
    return torch.cat([moves.float()${scaled}, places], 2)`;
}

/** Lines of a docstring. */
const PLACES = `
    The network is also told where each move ends: x and y from the middle, in quarters of the picture's sides.`;

/** Lines of a docstring. */
function deslantNote(deslant = false): string {
  if (!deslant) return '';
  const lines = DESLANT_FIRST.match(/.{1,100}(?: |$)/g) ?? [];
  return ['\n\n    This code does not remove slant.', ...lines.map((line) => line.trim())].join('\n    ');
}

function sequenceInput({ config }: ExportableModel): InputPieces {
  const { inputSize, sequenceLength } = config;
  const shape = `[N, ${sequenceLength ?? 'T'}, ${inputSize}]`;
  return {
    usage: 'sequences.npy',
    about: `sequences of ${inputSize} value${inputSize === 1 ? '' : 's'} a step`,
    ragged: true,
    constants: '',
    functions: `
def preprocess(sequences: torch.Tensor) -> torch.Tensor:
    """Sequences ${shape}; change this if your data need more."""
    return sequences.float()


def read(path: str) -> torch.Tensor:
    """Sequences of one length, ${shape}, of a NumPy array."""
    import numpy

    return torch.from_numpy(numpy.load(path))
`,
  };
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

/** A Python list, in one line if there is room, else wrapped. */
function list(items: readonly string[]): string {
  const line = `[${items.join(', ')}]`;
  if (line.length <= LINE_LETTERS - 'PERMUTATION = '.length) return line;
  const lines: string[] = [];
  let current = '   ';
  for (const item of items) {
    if (current.length + item.length + 2 > LINE_LETTERS && current.trim() !== '') {
      lines.push(current);
      current = '   ';
    }
    current += ` ${item},`;
  }
  return `[\n${[...lines, current].join('\n')}\n]`;
}

/** A Python float. */
function float(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** A Python string. Control characters and invisible ones are escaped. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

function indented(text: string, spaces = 8): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}
