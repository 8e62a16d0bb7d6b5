/** Compiles the kernels with clang and runs the table of cases on every instruction set of this processor. */
import { buildIn, requireTools, runTable } from './second-build.mjs';

const CXX = process.env.CXX ?? 'clang++';
requireTools('test:clang', [[CXX, 'apt-get install clang, or name another one: CXX=clang++-19']]);
await runTable(buildIn('clang', CXX), [process.execPath], []);
