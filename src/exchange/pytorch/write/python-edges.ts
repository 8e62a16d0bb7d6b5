/** The part of an exported Python file that finds the edges of pictures: the rule of data/images/edges.ts. */
import {
  AXIS_WEIGHT,
  DIAGONAL_WEIGHT,
  EDGE_DIRECTIONS,
  EDGE_MEAN,
  EDGE_STD,
  FULL_STRENGTH,
} from '../../../data/images/edges.js';
import { float } from './python-text.js';

/**
 * Definition of `find_edges`. Its sums are of slices: a convolution of PyTorch may round its factors (TF32), and these
 * whole numbers below 2^24 are exact in float32.
 */
export const findEdges = (height: number, width: number) => `
def find_edges(images: torch.Tensor) -> torch.Tensor:
    """Edges [N, ${height / 2} * ${EDGE_DIRECTIONS} * ${width / 2}] of pictures [N, 1, ${height}, ${width}], 0 to 255.

    The strengths of edges in eight directions, from east by south-east and south, in cells of 2 x 2 pixels.
    """
    # The gradient of each pixel, by Sobel; outside of the picture is paper.
    framed = torch.nn.functional.pad(images, (1, 1, 1, 1))
    rows = framed[:, :, :-2] + 2 * framed[:, :, 1:-1] + framed[:, :, 2:]
    columns = framed[..., :-2] + 2 * framed[..., 1:-1] + framed[..., 2:]
    gx = rows[..., 2:] - rows[..., :-2]
    gy = columns[:, :, 2:] - columns[:, :, :-2]
    # It is split into a part along an axis and one along a diagonal.
    across, down = gx.abs(), gy.abs()
    right, left, below, above = gx.relu(), (-gx).relu(), gy.relu(), (-gy).relu()
    directions = [
        ${AXIS_WEIGHT} * (gx - down).relu(),
        ${DIAGONAL_WEIGHT} * torch.minimum(right, below),
        ${AXIS_WEIGHT} * (gy - across).relu(),
        ${DIAGONAL_WEIGHT} * torch.minimum(left, below),
        ${AXIS_WEIGHT} * (-gx - down).relu(),
        ${DIAGONAL_WEIGHT} * torch.minimum(left, above),
        ${AXIS_WEIGHT} * (-gy - across).relu(),
        ${DIAGONAL_WEIGHT} * torch.minimum(right, above),
    ]
    # Cells overlap: each has parts of 4 x 4 pixels.
    framed = torch.nn.functional.pad(torch.cat(directions, 1), (1, 1, 1, 1))
    rows = framed[:, :, :-3:2] + 3 * (framed[:, :, 1:-2:2] + framed[:, :, 2:-1:2]) + framed[:, :, 3::2]
    cells = rows[..., :-3:2] + 3 * (rows[..., 1:-2:2] + rows[..., 2:-1:2]) + rows[..., 3::2]
    edges = ((cells / ${FULL_STRENGTH}).sqrt() - ${float(EDGE_MEAN)}) / ${float(EDGE_STD)}
    return edges.transpose(1, 2).flatten(1)

`;
