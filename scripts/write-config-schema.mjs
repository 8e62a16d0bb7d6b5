/**
 * Writes config.schema.json, the JSON Schema of a configuration file, from the table of options. Run it after a change
 * of src/train/config/options.ts and a build. A test fails while the file is out of date.
 */
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../dist/train/config/run-config.js';

const path = new URL('../config.schema.json', import.meta.url);
writeFileSync(path, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
