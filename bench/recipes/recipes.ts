/**
 * `npm run bench:recipes`: trains presets, and variations of them, with several seeds, as a user would, and prints their
 * accuracy and time.
 *
 *   npm run bench:recipes -- [--recipes fast,quick] [--seeds 5] [--strokes PATH] [--write]
 *
 * `--strokes` is the data of presets that read strokes, such as the published archive. `--write` keeps the runs in
 * docs/accuracy.json, beside those of other recipes, and writes table and chart of docs/accuracy.md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PRESETS } from '#src/train/config/presets.js';
import { count, failForUsers, names } from '../bench-flags.js';
import { markdown } from '../report/table.js';
import { type RecipeResult, recipeChart, recipeTable, withFigures } from './recipe-page.js';
import { type Recipe, type RecipeRun, runRecipe, VARIATIONS } from './recipe-runs.js';

const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
const RECIPES: readonly Recipe[] = [
  ...Object.keys(PRESETS).map((preset) => ({ name: preset, preset, flags: [] })),
  ...VARIATIONS,
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      recipes: { type: 'string', default: 'fast,fast-edges,fast-99,quick' },
      seeds: { type: 'string', default: '5' },
      strokes: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const seeds = count('--seeds', values.seeds);
  const known = RECIPES.map(({ name }) => name);
  const results: RecipeResult[] = [];
  for (const wanted of names('--recipes', values.recipes, known)) {
    const recipe = RECIPES[known.indexOf(wanted)];
    const { data: own = 'mnist' } = PRESETS[recipe.preset as keyof typeof PRESETS].settings;
    const data = own === 'strokes' ? (values.strokes ?? null) : null;
    const runs: RecipeRun[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const run = await runRecipe(recipe, data, seed);
      const { testAccuracy, trainSeconds, commandSeconds } = run;
      process.stderr.write(
        `${recipe.name}, seed ${seed}: ${(100 * testAccuracy).toFixed(2)} %, training ${trainSeconds.toFixed(1)} s, ` +
          `command ${commandSeconds.toFixed(1)} s\n`,
      );
      runs.push(run);
    }
    results.push({
      ...recipe,
      data: data === null ? own : 'the published stroke archive',
      date: new Date().toISOString().slice(0, 10),
      processor: cpus()[0].model.trim(),
      threads: availableParallelism(),
      runs,
    });
  }
  console.log(markdown(recipeTable(results)));
  if (values.write) write(results, known);
}

/** Replaces the results of these recipes, and writes the page. */
function write(results: readonly RecipeResult[], order: readonly string[]): void {
  const path = docs('accuracy.json');
  const before: RecipeResult[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  const others = before.filter(({ name }) => !results.some((result) => result.name === name));
  const all = [...others, ...results].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  writeFileSync(path, `${JSON.stringify(all)}\n`);
  writeFileSync(docs('accuracy.md'), withFigures(readFileSync(docs('accuracy.md'), 'utf8'), all));
  writeFileSync(docs('images/recipes.svg'), recipeChart(all));
}

await failForUsers(main);
