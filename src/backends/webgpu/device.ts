/**
 * A GPU: memory, compiled kernels, and a queue of commands. Everything that waits for the GPU is here.
 *
 * Commands run in the order in which they are submitted. Only `read` and `idle` wait.
 */
import { UserError } from '../../user-error.js';
import { type Dispatch, type Kernel, MAX_GROUPS, type Slice } from './kernel.js';

/** Offsets of slices are multiples of this, in bytes: WebGPU's default limit. */
export const SLICE_ALIGNMENT = 256;

/** Usage flags of WebGPU: STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ. */
const STORAGE = 0x80;
const UNIFORM = 0x40;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const MAP_READ = 0x01;
const MAP_MODE_READ = 0x01;
const COMPUTE_STAGE = 0x04;

/** Limits that are raised to what the adapter offers. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
] as const;

/** Optional features that kernels use where the device has them. */
const FEATURES = [
  'subgroups',
  'shader-f16',
  'timestamp-query',
  'chromium-experimental-subgroup-matrix',
] as const;

/** The GPU stopped: its driver failed or was updated, the computer slept, or another program took too long. */
export class DeviceLost extends UserError {}
/** The GPU has too little memory. */
export class DeviceOutOfMemory extends UserError {}

interface Compiled {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** Dispatches with compiled pipelines and bind groups; `GpuDevice.submit` runs them, as often as wanted. */
export interface Prepared {
  readonly commands: readonly {
    pipeline: GPUComputePipeline;
    group: GPUBindGroup;
    groups: readonly [number, number, number];
  }[];
}

export class GpuDevice {
  readonly device: GPUDevice;
  /** For people: the name of the adapter. */
  readonly description: string;
  readonly limits: GPUSupportedLimits;
  readonly features: ReadonlySet<string>;
  /** Lanes of a subgroup, if they are the same for all kernels; else null. */
  readonly subgroupSize: number | null;
  /** The device computes on the processor: SwiftShader, llvmpipe, WARP. */
  readonly isSoftware: boolean;
  /** [code] */
  readonly #compiled = new Map<string, Promise<Compiled>>();
  /** Checks of allocations whose outcome is not known yet. */
  readonly #allocations = new Set<Promise<void>>();
  /** What happened first: later errors follow from it. */
  #failure: Error | null = null;
  #bytes = 0;
  #dispatches = 0;
  #closed = false;

  private constructor(device: GPUDevice, info: GPUAdapterInfo) {
    this.device = device;
    this.description =
      info.description || [info.vendor, info.architecture].filter(Boolean).join(' ') || 'GPU';
    this.limits = device.limits;
    this.features = new Set(device.features);
    const { subgroupMinSize: min, subgroupMaxSize: max } = info;
    this.subgroupSize = this.features.has('subgroups') && min === max ? min : null;
    this.isSoftware = info.isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(this.description);
    void device.lost.then(({ message }) => {
      if (!this.#closed) this.#fail(new DeviceLost(`webgpu: the GPU stopped (${oneLine(message)})`));
    });
    device.onuncapturederror = ({ error }) => this.#fail(new Error(`webgpu: ${oneLine(error.message)}`));
  }

  /**
   * Opens an adapter with all its limits.
   * @returns null if there is no adapter
   */
  static async open(gpu: GPU): Promise<GpuDevice | null> {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) return null;
    const requiredLimits: Record<string, number> = {};
    for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
    const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
    return new GpuDevice(await adapter.requestDevice({ requiredLimits, requiredFeatures }), adapter.info);
  }

  /** Bytes of device memory in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of a buffer of 32-bit words: room for a vector of four at least, which kernels read. */
  static bytesFor(words: number): number {
    return Math.max(4, words) * 4;
  }

  /** Dispatches submitted so far. */
  get dispatches(): number {
    return this.#dispatches;
  }

  /** A zeroed buffer of 32-bit words. A lack of memory is reported by the next `read`, `idle` or `prepare`. */
  allocate(words: number): Slice {
    this.#requireOpen();
    const size = GpuDevice.bytesFor(words);
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({ size, usage: STORAGE | UNIFORM | COPY_SRC | COPY_DST });
    const check = this.device.popErrorScope().then((error) => {
      if (!error) return;
      const megabytes = Math.ceil((this.#bytes + size) / 2 ** 20);
      this.#fail(new DeviceOutOfMemory(`webgpu: the GPU has no room for ${megabytes} MB`));
    });
    this.#allocations.add(check);
    void check.finally(() => this.#allocations.delete(check));
    this.#bytes += size;
    return { buffer, offset: 0, size };
  }

  /** Whether buffers of so many bytes in all can be allocated now. Nothing is allocated afterwards. */
  async hasRoomFor(bytes: number): Promise<boolean> {
    this.#requireOpen();
    const { maxBufferSize, maxStorageBufferBindingSize } = this.limits;
    const most = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4) * 4;
    this.device.pushErrorScope('out-of-memory');
    const buffers: GPUBuffer[] = [];
    for (let left = Math.ceil(bytes / 4) * 4; left > 0; left -= most) {
      buffers.push(this.device.createBuffer({ size: Math.min(left, most), usage: STORAGE | COPY_DST }));
    }
    const error = await this.device.popErrorScope();
    for (const buffer of buffers) buffer.destroy();
    await this.check();
    return error === null;
  }

  /** Frees a buffer from `allocate`. */
  release({ buffer }: Slice): void {
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  /** Copies values of 32 bits to the device, before all commands that are submitted later. */
  write(target: Slice, values: Float32Array | Int32Array | Uint32Array, firstWord = 0): void {
    this.#requireOpen();
    if (values.byteLength + 4 * firstWord > target.size) {
      throw new Error(`webgpu: ${values.length} words do not fit into ${target.size / 4}`);
    }
    const { buffer, byteOffset, byteLength } = values;
    this.device.queue.writeBuffer(
      target.buffer,
      target.offset + 4 * firstWord,
      buffer as ArrayBuffer,
      byteOffset,
      byteLength,
    );
  }

  /** The content of slices after all commands so far. */
  async read(...sources: Slice[]): Promise<ArrayBuffer[]> {
    await this.check();
    const staging = sources.map(({ size }) => this.device.createBuffer({ size, usage: COPY_DST | MAP_READ }));
    const encoder = this.device.createCommandEncoder();
    sources.forEach(({ buffer, offset, size }, n) => {
      encoder.copyBufferToBuffer(buffer, offset, staging[n], 0, size);
    });
    this.device.queue.submit([encoder.finish()]);
    try {
      await Promise.all(staging.map((buffer) => buffer.mapAsync(MAP_MODE_READ)));
      const copies = staging.map((buffer) => buffer.getMappedRange().slice(0));
      await this.check();
      return copies;
    } catch (error) {
      await this.check(); // Says why, if the device is lost.
      throw error;
    } finally {
      for (const buffer of staging) buffer.destroy();
    }
  }

  async readFloats(source: Slice): Promise<Float32Array> {
    const [bytes] = await this.read(source);
    return new Float32Array(bytes);
  }

  /**
   * Compiles the kernels of dispatches, those not compiled before all at once, and binds their buffers.
   * @throws UserError if a dispatch has more workgroups than WebGPU allows; the device refuses every call after such a one
   */
  async prepare(dispatches: readonly Dispatch[]): Promise<Prepared> {
    this.#requireOpen();
    for (const { kernel, groups } of dispatches) {
      const most = Math.max(...groups);
      if (most <= MAX_GROUPS) continue;
      throw new UserError(
        `webgpu: '${kernel.label}' needs ${most} workgroups side by side, but a GPU takes at most ${MAX_GROUPS}; ` +
          'give fewer sequences at a time',
      );
    }
    const commands = await Promise.all(
      dispatches.map(async ({ kernel, slices, groups }) => {
        const { pipeline, layout } = await this.#compile(kernel);
        const entries = slices.map(({ buffer, offset, size }, binding) => ({
          binding,
          resource: { buffer, offset, size },
        }));
        return { pipeline, groups, group: this.device.createBindGroup({ layout, entries }) };
      }),
    );
    await this.check();
    return { commands };
  }

  /** Sends commands to the device, which runs them one after the other; does not wait. */
  submit(...prepared: Prepared[]): void {
    this.#requireOpen();
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let bound: GPUComputePipeline | null = null;
    for (const { commands } of prepared) {
      this.#dispatches += commands.length;
      for (const { pipeline, group, groups } of commands) {
        if (pipeline !== bound) pass.setPipeline(pipeline);
        bound = pipeline;
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...groups);
      }
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /** Prepares and submits. */
  async run(dispatches: readonly Dispatch[]): Promise<void> {
    this.submit(await this.prepare(dispatches));
  }

  /** Waits until all commands so far have ended. */
  async idle(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    await this.check();
  }

  /** @throws what has gone wrong so far: a lost device, a lack of memory, an error of a kernel */
  async check(): Promise<void> {
    await Promise.all(this.#allocations);
    this.#requireOpen();
  }

  close(): void {
    this.#closed = true;
    this.device.destroy();
  }

  async #compile(kernel: Kernel): Promise<Compiled> {
    const known = this.#compiled.get(kernel.code);
    if (known) return known;
    const compiled = this.#compileNow(kernel);
    this.#compiled.set(kernel.code, compiled);
    return compiled;
  }

  async #compileNow({ label, bindings, code }: Kernel): Promise<Compiled> {
    const { device } = this;
    const types = { read: 'read-only-storage', write: 'storage', uniform: 'uniform' } as const;
    const layout = device.createBindGroupLayout({
      label,
      entries: Object.values(bindings).map(({ access }, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: types[access] },
      })),
    });
    try {
      const pipeline = await device.createComputePipelineAsync({
        label,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: device.createShaderModule({ label, code }), entryPoint: 'main' },
      });
      return { pipeline, layout };
    } catch (error) {
      await this.check();
      throw new Error(`webgpu: the kernel '${label}' does not compile (${(error as Error).message})`);
    }
  }

  #requireOpen(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closed) throw new Error('backend webgpu: closed');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }
}

function oneLine(message: string): string {
  return message.trim().split('\n')[0];
}
