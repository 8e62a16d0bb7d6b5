/** The table of all fuzzing targets. A new reader is one more entry, in the file of its area. */
import type { Target } from './target.js';
import { CHECKPOINT_TARGETS } from './targets/checkpoint-targets.js';
import { CONFIG_TARGETS } from './targets/config-targets.js';
import { DATA_TARGETS } from './targets/data-targets.js';
import { HTTP_TARGETS } from './targets/http-targets.js';
import { MISBEHAVING_TARGET } from './targets/misbehaving-target.js';
import { PICTURE_TARGETS } from './targets/picture-targets.js';
import { RUN_TARGETS } from './targets/run-targets.js';

export const TARGETS: readonly Target[] = [
  ...CHECKPOINT_TARGETS,
  ...DATA_TARGETS,
  ...PICTURE_TARGETS,
  ...RUN_TARGETS,
  ...CONFIG_TARGETS,
  ...HTTP_TARGETS,
];

/** @throws Error if there is none */
export function targetNamed(name: string): Target {
  const target = [...TARGETS, MISBEHAVING_TARGET].find((each) => each.name === name);
  if (target === undefined) throw new Error(`there is no fuzzing target ${name}`);
  return target;
}
