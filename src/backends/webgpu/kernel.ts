/**
 * Programs of the GPU and calls of them. A `Kernel` is WGSL text with named buffers; a `Dispatch` is one call of it
 * on slices of device memory. Both are plain values: nothing is compiled or run before `GpuDevice.prepare`.
 */

/** How a kernel sees one buffer: `array<element>` that it reads, or reads and writes, or one uniform value. */
export interface Binding {
  access: 'read' | 'write' | 'uniform';
  /** WGSL type of an element: f32, u32, vec4f … For a uniform, the type of the value. */
  element: string;
}

export const read = (element: string): Binding => ({ access: 'read', element });
export const write = (element: string): Binding => ({ access: 'write', element });
export const uniform = (element: string): Binding => ({ access: 'uniform', element });

/** A WGSL program with the entry point `main`. Kernels of the same code share one compiled pipeline. */
export interface Kernel<Name extends string = string> {
  /** For messages and traces. */
  readonly label: string;
  readonly bindings: Readonly<Record<Name, Binding>>;
  readonly code: string;
}

/** A part of a buffer on the device. */
export interface Slice {
  readonly buffer: GPUBuffer;
  /** Bytes; a multiple of 256. */
  readonly offset: number;
  /** Bytes; a multiple of 4. */
  readonly size: number;
}

/** One call of a kernel. Dispatches run in their order; each sees what those before it wrote. */
export interface Dispatch {
  readonly kernel: Kernel;
  /** In the order of the kernel's bindings. */
  readonly slices: readonly Slice[];
  /** Workgroups in x, y and z. */
  readonly groups: readonly [number, number, number];
}

/** Most workgroups of a dispatch in an axis: WebGPU's default limit. */
export const MAX_GROUPS = 65535;

/**
 * Workgroups in two axes, where one axis may be too short: number `n` is at n % MAX_GROUPS, ⌊n / MAX_GROUPS⌋. Perhaps
 * there are more than `count`.
 */
export function inTwoAxes(count: number): [number, number] {
  return [Math.min(count, MAX_GROUPS), Math.ceil(count / MAX_GROUPS)];
}

/** A WGSL extension that a kernel needs. */
export type Extension = 'f16' | 'subgroups' | 'chromium_experimental_subgroup_matrix';

/**
 * Makes a kernel.
 * @param bindings the buffers by their names in the code, in the order of their numbers
 * @param body WGSL with `main`, without declarations of the buffers
 */
export function kernel<Name extends string>(
  label: string,
  bindings: Record<Name, Binding>,
  body: string,
  extensions: readonly Extension[] = [],
): Kernel<Name> {
  const declarations = Object.entries<Binding>(bindings).map(([name, { access, element }], number) => {
    const place = `@group(0) @binding(${number})`;
    if (access === 'uniform') return `${place} var<uniform> ${name}: ${element};`;
    return `${place} var<storage, ${access === 'read' ? 'read' : 'read_write'}> ${name}: array<${element}>;`;
  });
  const enables = extensions.map((name) => `enable ${name};`);
  return { label, bindings, code: [...enables, ...declarations, body].join('\n') };
}

/** Makes a call of a kernel. @param groups workgroups in x, y and z; y and z are 1 by default */
export function dispatch<Name extends string>(
  kernel: Kernel<Name>,
  slices: Record<NoInfer<Name>, Slice>,
  groups: readonly [number, number?, number?],
): Dispatch {
  const [x, y = 1, z = 1] = groups;
  const names = Object.keys(kernel.bindings) as Name[];
  return { kernel, slices: names.map((name) => slices[name]), groups: [x, y, z] };
}
