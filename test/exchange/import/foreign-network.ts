/** Foreign models for tests: the tensors of a network under the names of another program. */
import type { ForeignModel } from '#src/exchange/foreign-model.js';
import { type ClassifierConfig, resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import type { StateDict } from '#src/state-dict.js';

/** What a file says that says nothing but tensors. */
export function foreignModel(tensors: StateDict, about: Partial<ForeignModel> = {}): ForeignModel {
  return {
    format: 'a test',
    tensors,
    head: null,
    sequenceLength: null,
    config: null,
    preprocessing: null,
    classes: null,
    temperature: null,
    optimizer: null,
    epoch: null,
    notices: [],
    ...about,
  };
}

/** The parameters of a network, under scanstroke's names. */
export function parametersOf(config: ClassifierConfig): StateDict {
  const resolved = resolveClassifierConfig(config);
  const layout = new ParameterLayout(resolved);
  const vector = new Float32Array(layout.length);
  layout.initialize(resolved, vector, 7);
  return layout.toStateDict(vector);
}

/** The same tensors in modules of other names; an empty name puts them at the top. */
export function renamed(parameters: StateDict, lstm: string, linear: string): StateDict {
  const within = (module: string, name: string) => (module === '' ? name : `${module}.${name}`);
  return new Map(
    [...parameters].map(([name, tensor]) => [
      name.startsWith('lstm.') ? within(lstm, name.slice(5)) : within(linear, name.slice(3)),
      tensor,
    ]),
  );
}

/** Tensors of zeros. */
export function zeros(shapes: Record<string, number[]>): StateDict {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) },
    ]),
  );
}
