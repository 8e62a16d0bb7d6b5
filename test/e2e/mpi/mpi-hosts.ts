/**
 * Two hosts on one machine: network namespaces that a cable of their own joins, and an rsh agent of three lines. Linux
 * only, as root. A second cable delays frames and loses some.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMAND } from '../command.js';
import { bestHash, jobEnvironment, type Mpi, mpirunOf } from './mpi-job.js';

const HOSTS = ['scanstroke-a', 'scanstroke-b'];
const addressOf = (host: number) => `10.199.77.${host + 1}`;
const SLOW_CABLE = fileURLToPath(new URL('../../../../test/e2e/mpi/slow-cable.py', import.meta.url));
/** A bad wireless network: one frame of a hundred is lost. */
const DELAY_MS = 5;
const LOSS_PERCENT = 1;

const AGENT = `#!/bin/sh
host=$1; shift
exec ip netns exec "$host" unshare -u sh -c "hostname $host; $*"
`;

function sh(command: string): void {
  const { status, stderr } = spawnSync('sh', ['-ec', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

/** How the launchers name the agent, the hosts, and TCP as the only way between ranks. */
const FLAGS: Record<Mpi, (agent: string) => string> = {
  openmpi: (agent) =>
    `--mca plm_rsh_agent ${agent} --mca btl tcp,self --host ${HOSTS.map((host) => `${host}:2`).join(',')}`,
  mpich: (agent) => `-launcher rsh -launcher-exec ${agent} -hosts ${HOSTS.join(',')}`,
};

/**
 * Trains on four ranks of two hosts.
 * @param expected hash of the best checkpoint
 * @returns how many failures were found
 */
export async function compareHosts(
  args: string[],
  {
    cwd,
    env,
    usable,
    expected,
  }: { cwd: string; env: Record<string, string>; usable: Mpi[]; expected: string },
): Promise<number> {
  const agent = join(cwd, 'agent');
  writeFileSync(agent, AGENT, { mode: 0o755 });
  let failures = 0;
  let slow: ChildProcess | null = null;
  try {
    for (const host of HOSTS) addHost(host);
    connect();
    const runAll = (what: string) => {
      for (const mpi of usable) failures += compare(mpi, what);
    };
    runAll('a cable');
    slow = await connectSlowly();
    if (slow) runAll(`a cable with ${DELAY_MS} ms of delay and ${LOSS_PERCENT} % of loss`);
  } finally {
    slow?.kill('SIGKILL');
    for (const host of HOSTS) removeHost(host);
  }
  return failures;

  function compare(mpi: Mpi, what: string): number {
    const run = `hosts-${mpi}`;
    const train = [process.execPath, COMMAND, ...args, '--saving-path', run]
      .map((word) => `'${word}'`)
      .join(' ');
    const launched = `hostname ${HOSTS[0]}; cd ${cwd}; ${mpirunOf(mpi)} ${FLAGS[mpi](agent)} -n 4 ${train}`;
    const { status, signal, stdout, stderr } = spawnSync(
      'ip',
      ['netns', 'exec', HOSTS[0], 'unshare', '-u', 'sh', '-c', launched],
      {
        env: jobEnvironment({ ...env, UCX_TLS: 'tcp,self' }),
        encoding: 'utf8',
        timeout: 120_000,
      },
    );
    const found =
      status === 0 ? bestHash(join(cwd, run)) : `failed (${signal ?? status}): ${stderr}${stdout}`;
    console.log(`  ${mpi}, 4 ranks on 2 hosts, ${what}: ${found === expected ? 'the same' : found}`);
    rmSync(join(cwd, run), { recursive: true, force: true });
    return found === expected ? 0 : 1;
  }
}

function addHost(host: string): void {
  sh(`ip netns add ${host} && ip netns exec ${host} ip link set lo up`);
  mkdirSync(`/etc/netns/${host}`, { recursive: true });
  const names = HOSTS.map((name, n) => `${addressOf(n)} ${name}\n`).join('');
  writeFileSync(`/etc/netns/${host}/hosts`, `127.0.0.1 localhost\n${names}`);
}

function connect(): void {
  sh(`ip link add cable netns ${HOSTS[0]} type veth peer name cable netns ${HOSTS[1]}`);
  plugIn('cable');
}

/** Replaces the cable. @returns the process that carries the frames; null where there is none */
async function connectSlowly(): Promise<ChildProcess | null> {
  const args = [SLOW_CABLE, ...HOSTS, String(DELAY_MS), String(LOSS_PERCENT)];
  const child = spawn('python3', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let reason = '';
  child.stderr.on('data', (piece) => {
    reason += piece;
  });
  child.on('error', (error) => {
    reason += error.message;
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (reason !== '' || child.exitCode !== null) {
    console.log(`left out: delay and loss (${reason.trim()})`);
    return null;
  }
  sh(`ip netns exec ${HOSTS[0]} ip link del cable`);
  plugIn('slow');
  return child;
}

function plugIn(device: string): void {
  HOSTS.forEach((host, n) => {
    sh(
      `ip netns exec ${host} sh -ec 'ip addr add ${addressOf(n)}/24 dev ${device}; ip link set ${device} up'`,
    );
  });
  sh('sleep 1'); // A device that has just come up has no address for UCX yet.
}

function removeHost(host: string): void {
  spawnSync('ip', ['netns', 'del', host]);
  rmSync(`/etc/netns/${host}`, { recursive: true, force: true });
}
