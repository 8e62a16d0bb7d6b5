/**
 * Runs inside each worker thread: computes units of a batch, adds gradients, updates its slices of the parameters.
 *
 * An update, in every thread:
 *   units    forward and backward, each into its own buffer (gradient-sum.ts); barrier
 *   add      buffers in the order of the batch's tree, by slices (parameter-slices.ts)
 *   norm     of the sum, by slices, where something depends on it; barrier
 *   update   of the parameters, by slices; barrier
 *   panels   a part of the weights in the kernels' order; barrier
 * With more units than buffers, units and add alternate, with a barrier between.
 *
 * In an MPI job every rank computes and adds its units; thread 0 exchanges the sums after `add`, norms after `norm` and
 * parameters after `update` (exchange.ts). Each rank adds the sums of all, and updates, in its range of the parameters.
 */
import type { Backend } from '../../backends/backend.js';
import { packBatch } from '../../data/sequences/batch.js';
import type { SequenceSource } from '../../data/sequences/sequence.js';
import { openSequences, type Part } from '../../data/sources.js';
import { Network } from '../../model/network.js';
import { ParameterLayout } from '../../model/parameters.js';
import { openWorkspace, type Workspace } from '../../model/workspace.js';
import { postableError } from '../../user-error.js';
import { LossScaler } from '../loss-scale.js';
import { Control } from './control.js';
import { Exchange } from './exchange.js';
import { type BatchRange, GradientSum } from './gradient-sum.js';
import { ParameterSlices } from './parameter-slices.js';
import {
  type Command,
  type EvaluateCommand,
  PASS_SIZE,
  passCapacity,
  passCount,
  type Reply,
  type TeamMember,
  type TrainCommand,
  type TrainingMember,
} from './team-protocol.js';

/**
 * A member for a worker thread's script.
 * @returns the ready handshake (with the error if the member could not be made), and the reply to each command
 */
export function openMember(
  me: TeamMember,
  openBackend: () => Backend,
): { reply: Reply; answer(command: Command): Reply } {
  try {
    const member = new Member(me, openBackend());
    return { reply: { type: 'ready', error: null }, answer: (command) => member.answer(command) };
  } catch (thrown) {
    const error = postableError(thrown);
    return { reply: { type: 'ready', error }, answer: () => ({ type: 'ended', error }) };
  }
}

interface Training extends TrainingMember {
  gradientSum: GradientSum;
  slices: ParameterSlices;
  /** In thread 0 of a rank of an MPI job. */
  exchange: Exchange | null;
}

export class Member {
  readonly #me: TeamMember;
  readonly #backend: Backend;
  readonly #control: Control;
  readonly #network: Network;
  readonly #inference: Workspace;
  readonly #sources: Map<Part, SequenceSource>;
  /** Null in a team that only evaluates. */
  readonly #training: Training | null;

  /** @param backend opened in this thread */
  constructor(me: TeamMember, backend: Backend) {
    this.#me = me;
    this.#backend = backend;
    this.#control = new Control(me.control);
    const layout = new ParameterLayout(me.model);
    this.#network = new Network(me.model, layout, backend, me.parameters, me.panels, me.precisions);
    // The two workspaces share memory; only one is in use at a time.
    const workspaceFor = (training: boolean) => {
      const capacity = passCapacity(me.own.buffers.batchSizes.length, training);
      return openWorkspace({ config: me.model, backend, ...me.precisions, capacity }, me.own.workspace);
    };
    this.#inference = workspaceFor(false);
    this.#sources = new Map(
      Object.entries(me.parts).map(([part, data]) => [part as Part, openSequences(data)]),
    );
    this.#training = me.training && this.#openTraining(me.training, workspaceFor(true));
  }

  #openTraining(training: TrainingMember, workspace: Workspace): Training {
    const slices = new ParameterSlices(this.#me, training, this.#backend, this.#control);
    const gradientSum = new GradientSum(this.#me, training, {
      backend: this.#backend,
      control: this.#control,
      network: this.#network,
      workspace,
      source: this.#source('train'),
      slices,
    });
    const { ranks } = training;
    const { index, parameters } = this.#me;
    const exchange = ranks && index === 0 ? new Exchange(ranks, this.#control, parameters.length) : null;
    return { ...training, gradientSum, slices, exchange };
  }

  /** Carries out a command; the reply holds what went wrong. */
  answer(command: Command): Reply {
    try {
      for (const _ of this.run(command));
      return { type: 'ended', error: null };
    } catch (error) {
      this.#control.fail();
      return { type: 'ended', error: postableError(error) };
    } finally {
      this.#control.end();
    }
  }

  /** Generator: each `next()` runs one update or one pass of an evaluation. */
  *run(command: Command): Generator<void> {
    this.#writePanels(command);
    if (command.type === 'train') yield* this.#train(command);
    else yield* this.#evaluate(command);
  }

  /** After the parameters have changed: each thread writes a part of the panels. */
  #writePanels({ type, threads }: Command): void {
    this.#network.parametersChanged();
    this.#network.writePanels(type === 'train', { index: this.#me.index, of: threads });
    this.#control.barrier(threads);
  }

  *#train(command: TrainCommand): Generator<void> {
    const { threads } = command;
    const training = this.#training;
    if (!training) throw new Error('train: this team was opened for evaluation only');
    const { gradientSum, slices, settings, exchange, ranks } = training;
    const needsNorm = settings.maxNorm !== null || command.lossScale !== null;
    const scaler = new LossScaler(command.lossScale);
    let updates = command.updatesBefore;
    for (let batch = command.firstBatch; batch < command.endBatch; batch++) {
      const { scale } = scaler;
      const begin = batch * settings.batchSize;
      const range = { begin, end: Math.min(command.order.length, begin + settings.batchSize) };
      const weight = gradientSum.run(command, range, scale, exchange);
      const norm = slices.norm(threads, needsNorm, exchange) / scale;
      const loss = meanLoss(training, range, weight);
      if (this.#me.index === 0) {
        this.#control.nextUpdate(exchange?.stopWanted);
        command.losses[batch] = loss;
        command.correct[batch] = countCorrect(training, range);
      }
      const finite = Number.isFinite(loss);
      const verdict = finite ? scaler.judge(Number.isFinite(norm)) : 'diverged';
      if (verdict === 'diverged') {
        // Ends before an update that would spoil the parameters.
        if (this.#me.index === 0) command.divergence.set(finite ? [2, norm] : [1, loss]);
        return;
      }
      if (verdict === 'update') {
        slices.update(threads, { lr: command.learningRates[batch], norm, scale, update: ++updates });
      }
      this.#control.barrier(threads);
      if (ranks && verdict === 'update') {
        exchange?.parameters();
        this.#control.barrier(threads);
      }
      if (verdict === 'update') this.#writePanels(command);
      if (this.#me.index === 0) {
        scaler.write(command.lossScales, batch);
        this.#control.advance();
      }
      if (this.#control.stopping) return;
      yield;
    }
  }

  *#evaluate(command: EvaluateCommand): Generator<void> {
    const { own, model } = this.#me;
    const { indices } = command;
    const K = model.numClasses;
    const source = this.#source(command.part);
    const passes = passCount(indices.length);
    for (let pass = this.#control.take(passes); pass < passes; pass = this.#control.take(passes)) {
      const from = pass * PASS_SIZE;
      const packed = packBatch(
        source,
        indices.subarray(from, Math.min(indices.length, from + PASS_SIZE)),
        own.buffers,
      );
      const logits = this.#network.forward(packed, this.#inference, null);
      this.#backend.crossEntropy({
        rows: packed.batchSize,
        classes: K,
        logits,
        labels: packed.labels,
        labelSmoothing: 0,
        losses: own.losses,
        dLogits: null,
        gradientScale: 1,
      });
      for (let b = 0; b < packed.batchSize; b++) {
        const place = from + packed.order[b];
        command.logits.set(logits.subarray(b * K, (b + 1) * K), place * K);
        command.losses[place] = own.losses[b];
      }
      Atomics.store(command.answered, pass, 1);
      this.#control.advance();
      if (this.#control.stopWanted) return;
      yield;
    }
  }

  #source(part: Part): SequenceSource {
    const source = this.#sources.get(part);
    if (!source) throw new Error(`train: the team was given no sequences of part ${part}`);
    return source;
  }
}

/** By every thread alike: one sum in the order of the batch. */
function meanLoss({ batchLosses }: TrainingMember, { begin, end }: BatchRange, weight: number): number {
  let sum = 0;
  for (let place = 0; place < end - begin; place++) sum += batchLosses[place];
  return sum / weight;
}

function countCorrect({ batchCorrect }: TrainingMember, { begin, end }: BatchRange): number {
  let correct = 0;
  for (let place = 0; place < end - begin; place++) correct += batchCorrect[place];
  return correct;
}
