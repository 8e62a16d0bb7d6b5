/** Reaches the kernels of kernel-probe.ts in an open backend; for tests and benchmarks. */
import type { Backend } from './backend.js';
import { KernelBackend } from './kernel-backend.js';
import type { KernelLimits, KernelProbe } from './kernel-probe.js';
import { ReferenceBackend } from './reference/reference.js';

/** @throws Error for a backend that has no kernels to probe, such as a wrapper around another */
export function probeOf(backend: Backend): KernelProbe {
  if (backend instanceof KernelBackend || backend instanceof ReferenceBackend) return backend;
  throw new Error(`probe: backend ${backend.name} has no kernels`);
}

/** @throws Error for a backend without compiled kernels */
export function limitsOf(backend: Backend): KernelLimits {
  if (backend instanceof KernelBackend) return backend;
  throw new Error(`probe: backend ${backend.name} has no compiled kernels`);
}
