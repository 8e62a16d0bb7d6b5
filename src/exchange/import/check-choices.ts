/** Checks the choices that a program gives to `importModel`; the command line reads its flags itself. */
import { KIND_NAMES } from '../../data/kinds.js';
import { STROKE_ORDERS } from '../../data/strokes/stroke-preprocessing.js';
import { requireOptions } from '../../formats/argument.js';
import {
  finite,
  list,
  oneOf,
  type Reader,
  readAs,
  record,
  refined,
  text,
  whole,
} from '../../formats/shape.js';
import { HEADS } from '../../model/classifier-config.js';
import type { ArchitectureChoices } from './architecture.js';
import type { InputChoices } from './input-convention.js';
import type { OptimizerChoices } from './torch-optimizer.js';

type Choices = ArchitectureChoices & InputChoices & OptimizerChoices & { classes?: string[] };

const positive = refined(finite, 'a number above 0', (value) => value > 0);

const READERS: { readonly [K in keyof Choices]-?: Reader<NonNullable<Choices[K]>> } = {
  head: oneOf(HEADS),
  dropoutRate: finite,
  kind: oneOf(KIND_NAMES),
  picture: record({ height: whole(1), width: whole(1) }),
  channelsImg: whole(1),
  sequenceLength: whole(1),
  pixelMean: finite,
  pixelStd: positive,
  strokeOrder: oneOf(STROKE_ORDERS),
  strokeScale: positive,
  optimizer: oneOf(['adam', 'adamw']),
  classes: list(text),
};

/** @param where what messages begin with. @throws UserError for an unknown choice, and one of another type or range */
export function checkChoices(choices: Choices, where: string): void {
  requireOptions(where, choices, Object.keys(READERS));
  for (const name of Object.keys(READERS) as (keyof Choices)[]) {
    if (choices[name] !== undefined) readAs<unknown>(READERS[name], choices[name], `${where}: ${name}`);
  }
}
