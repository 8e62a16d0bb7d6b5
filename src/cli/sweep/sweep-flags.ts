/** Flags of `scanstroke sweep` as commander gives them, beside those of a training. */
export interface SweepFlags {
  config?: string;
  jobs: number;
  trials?: number;
  samplingSeed?: number;
  earlyStop?: number;
  engine: 'own' | 'optuna';
  storage?: string;
  study?: string;
  list?: boolean;
  only?: number[];
  json?: boolean;
}
