/** Protects how a process knows that mpirun or srun started it, and that nobody else is taken for a rank. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findLauncher } from '#src/train/mpi/launcher.js';

test('launchers are known by their variables', () => {
  const openmpi = { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '2', PMIX_RANK: '2' };
  assert.deepEqual(findLauncher(openmpi), { ranks: 4, rank: 2, flavour: 'openmpi', likely: 'openmpi' });
  assert.deepEqual(findLauncher({ PMI_SIZE: '3', PMI_RANK: '0' }), {
    ranks: 3,
    rank: 0,
    flavour: 'mpich',
    likely: 'mpich',
  });
  const pmix = { SLURM_STEP_NUM_TASKS: '8', SLURM_PROCID: '5', PMIX_RANK: '5' };
  assert.deepEqual(findLauncher(pmix), { ranks: 8, rank: 5, flavour: null, likely: 'openmpi' });
  const pmi2 = { SLURM_PROCID: '1', PMI_SIZE: '2', PMI_RANK: '1' };
  assert.deepEqual(findLauncher(pmi2), { ranks: 2, rank: 1, flavour: null, likely: 'mpich' });
});

test('without a launcher a process is alone, also within a job of SLURM', () => {
  assert.equal(findLauncher({}), null);
  assert.equal(findLauncher({ SLURM_NTASKS: '2', SLURM_PROCID: '0', SLURM_JOB_ID: '7' }), null);
  assert.equal(findLauncher({ OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '' }), null);
});

test('the only process of a launcher is alone: it needs no addon', () => {
  assert.equal(findLauncher({ OMPI_COMM_WORLD_SIZE: '1', OMPI_COMM_WORLD_RANK: '0' }), null);
  assert.equal(findLauncher({ SLURM_PROCID: '0', PMI_SIZE: '1', PMI_RANK: '0', PMI_FD: '7' }), null);
});

test('SCANSTROKE_MPI has the last word', () => {
  const openmpi = { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '2' };
  assert.equal(findLauncher({ ...openmpi, SCANSTROKE_MPI: '0' }), null);
  assert.deepEqual(findLauncher({ SCANSTROKE_MPI: '1' }), {
    ranks: null,
    rank: null,
    flavour: null,
    likely: null,
  });
  assert.throws(() => findLauncher({ SCANSTROKE_MPI: 'yes' }), /SCANSTROKE_MPI must be 1 or 0, got "yes"/);
});
