/**
 * Loaded before the command. Kills the process with SIGKILL right before or after it renames its n-th file,
 * or suspends it. KILL_AT is `before 3`, `after 3` or `stop 3`.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [moment, number] = process.env.KILL_AT.split(' ');
const rename = fs.rename;
let count = 0;
fs.rename = async (...paths) => {
  const now = ++count === Number(number);
  if (now && moment === 'before') process.kill(process.pid, 'SIGKILL');
  if (now && moment === 'stop') process.kill(process.pid, 'SIGSTOP');
  await rename(...paths);
  if (now && moment === 'after') process.kill(process.pid, 'SIGKILL');
};
syncBuiltinESMExports();
