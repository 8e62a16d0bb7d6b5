/** The part of an exported Python file that reads files and makes the network's input: `preprocess` and `read`. */
import { DESLANT_FIRST, MOST_SLANT } from '../../../data/deslant.js';
import { pixelOrder } from '../../../data/images/image-preprocessing.js';
import type { KindTypes } from '../../../data/input-kind.js';
import { SORT_STROKES } from '../../../data/strokes/sort-strokes.js';
import { contextCell } from '../../../data/strokes/stroke-context.js';
import { strokeInputSize } from '../../../data/strokes/stroke-preprocessing.js';
import type { ExportableModel } from '../../exportable-model.js';
import { findEdges } from './python-edges.js';
import { float, list } from './python-text.js';

/** What depends on the kind of input. */
export interface InputPieces {
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

export function inputOf(model: ExportableModel): InputPieces {
  const { preprocessing } = model;
  if (preprocessing === null) return sequenceInput(model);
  return preprocessing.kind === 'images' ? imageInput(preprocessing) : strokeInput(preprocessing);
}

/** Dark ink on bright paper: of a picture with a bright border the negative is classified, because ink is bright in MNIST. */
const DARK_INK = `    rows = pixels.reshape(SIZE)
    border = torch.cat([rows[0], rows[-1], rows[:, 0], rows[:, -1]])
    if border.float().mean() > 127:  # dark ink on bright paper
        pixels = 255 - pixels
`;

function imageInput(preprocessing: KindTypes['images']['preprocessing']): InputPieces {
  const { sequenceLength, inputSize, channels, height, width, mean, std, deslant, edges } = preprocessing;
  const order = pixelOrder(preprocessing);
  const shape = `[N, ${channels}, ${height}, ${width}]`;
  const ink = channels === 1 ? `\n\n    0 is paper, 255 is ink.\n    ` : '';
  const mode = { 1: 'L', 3: 'RGB' }[channels];
  const rows = channels === 1 ? 'values.flatten(1)' : 'values.permute(0, 2, 1, 3).flatten(1)';
  const pixels = deslant ? 'remove_slant(images)' : 'images.float()';
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
        : `# Value k of a sequence is value ORDER[k] of the picture${edges ? ' and its edges' : ''}.\nORDER = ${list([...order].map(String))}\n`,
    functions: `${deslant ? removeSlant(height, width) : ''}${edges ? findEdges(height, width) : ''}
def preprocess(images: torch.Tensor) -> torch.Tensor:
    """Sequences [N, ${sequenceLength}, ${inputSize}] of pictures ${shape}, uint8.${ink}"""
${edges ? `    pixels = ${pixels}\n` : ''}    values = (${edges ? 'pixels' : pixels} / 255 - ${float(mean)}) / ${float(std)}
    ${channels === 1 ? '' : '# Row by row, and within a row channel by channel.\n    '}values = ${rows}
${edges ? '    values = torch.cat([values, find_edges(pixels)], 1)\n' : ''}${order === null ? '' : '    values = values[:, ORDER]\n'}    return values.reshape(-1, ${sequenceLength}, ${inputSize})


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
  const { order, deslant, position, context, sorted } = preprocessing;
  const source =
    order === 'tour'
      ? 'scanstroke makes the moves of a picture: a tour over its thinned lines.'
      : 'scanstroke makes the moves of a drawing, in the order of the pen.';
  return {
    usage: 'moves.txt',
    about: 'pen strokes, read move by move',
    ragged: true,
    constants: '',
    functions: `${context ? inkAround(contextCell(preprocessing)) : ''}
def preprocess(moves: torch.Tensor) -> torch.Tensor:
    """Sequences [N, T, ${strokeInputSize(preprocessing)}] of moves [N, T, 4]: dx, dy, end of stroke, end of drawing.${position ? PLACES : ''}${context ? INK : ''}

    ${source}
    This writes a text file for each, with a move on each line:
        npx scanstroke data strokes --data FOLDER${order === 'tour' ? '' : ` --order ${order}`}${sorted && !deslant && order !== 'points' ? ' --sort' : ''} --out strokes/${deslant ? note('remove slant', DESLANT_FIRST) : ''}${sorted ? note(`sort strokes${deslant ? ', which follows the removal of slant' : ''}`, SORT_STROKES) : ''}
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
function moveValues(preprocessing: KindTypes['strokes']['preprocessing']): string {
  const { scale, position, context, width, height } = preprocessing;
  const scaled =
    scale === 1 ? '' : ` * torch.tensor([${float(scale)}, ${float(scale)}, 1, 1], device=moves.device)`;
  const steps = `moves.float()${scaled}`;
  if (!position && !context) return `    return ${steps}`;
  const places = `\
    size = torch.tensor([${width}, ${height}], device=moves.device)
    places = (moves[..., :2].float().cumsum(1) - (size + 1) / 2) / (size / 4)
`;
  const parts = [steps, ...(position ? ['places'] : []), ...(context ? ['ink_around(moves)'] : [])];
  return `${position ? places : ''}    return torch.cat([${parts.join(', ')}], 2)`;
}

/** Lines of a docstring. */
const PLACES = `
    The network is also told where each move ends: x and y from the middle, in quarters of the picture's sides.`;

/** Lines of a docstring. */
const INK = `
    The network is also told where ink is around each move, drawn before or after.`;

/** The rule of data/strokes/stroke-context.ts. @param cell side in pixels */
const inkAround = (cell: number) => `
def ink_around(moves: torch.Tensor) -> torch.Tensor:
    """Maps [N, T, 25] of the ink around the place where each move ends: 5 x 5 cells of ${cell} pixels, row by row.

    A point is divided bilinearly among the four nearest cell centres.
    """
    places = moves[..., :2].double().cumsum(1) / ${cell}
    # What follows the end of a drawing fills up a batch.
    ink = ((moves[..., 2] == 0) & (moves[..., 3].cumsum(1) == 0)).double()
    cells = torch.arange(-2, 3, dtype=ink.dtype, device=ink.device)
    away = places.unsqueeze(1) - places.unsqueeze(2)  # [N, T, T, 2] of points from ends of moves
    shares = (1 - (away.unsqueeze(-1) - cells).abs()).clamp(min=0)
    maps = torch.einsum("ntsi,ntsj,ns->ntji", shares[..., 0, :], shares[..., 1, :], ink)
    return (maps.flatten(2) / 3).clamp(max=2).float()

`;

/** Lines of a docstring. @param left what the code leaves to the user, who does it by the rule */
function note(left: string, rule: string): string {
  const lines = rule.match(/.{1,100}(?: |$)/g) ?? [];
  return [`\n\n    This code does not ${left}.`, ...lines.map((line) => line.trim())].join('\n    ');
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
