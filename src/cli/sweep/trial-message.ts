/** What a trial's process tells the sweep. */
export type TrialMessage =
  | { type: 'start' }
  | { type: 'epoch'; epoch: number }
  | {
      type: 'progress';
      phase: 'train' | 'validation' | 'evaluate';
      epoch: number;
      /** Of the phase, 0 to 1. */
      share: number;
    }
  | { type: 'failed'; message: string };
