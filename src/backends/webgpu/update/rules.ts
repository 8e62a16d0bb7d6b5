/**
 * The formulas of SGD, Adam and AdamW in WGSL: those of kernels/optimizer.h, with the same roundings but for lr / (1 -
 * β₁ᵗ), which is a product of two rounded factors (off by at most 1.5 · 2^-23), and for WGSL's division and square root
 * (2.5 and 4 ulp). So the change of a parameter by Adam is within 12 ulp of the formula's.
 */
import { floatLiteral as float } from '../literal.js';
import type { UpdateRule } from './training-state.js';

/** Vectors that a rule keeps, each as long as the parameters. */
export function vectorCount(rule: UpdateRule): number {
  if (rule.name !== 'sgd') return 2;
  return rule.momentum === 0 ? 0 : 1;
}

/**
 * WGSL: updateParameter(n, gradient, rates), which reads and writes `parameters` and `vectors`, and ratesOf(batch,
 * updates), made of the schedule.
 */
export function ruleFunctions(rule: UpdateRule, parameters: number): string {
  return rule.name === 'sgd' ? sgd(rule) : adam(rule, parameters);
}

function sgd({ momentum, nesterov, weightDecay }: UpdateRule): string {
  const change = `
  let velocity = ${float(momentum)} * vectors[n] + d;
  vectors[n] = velocity;
  let change = ${nesterov ? `d + ${float(momentum)} * velocity` : 'velocity'};`;
  return `
struct Rates { lr: f32 }
fn ratesOf(batch: u32, updates: u32) -> Rates { return Rates(scheduled(batch, SCHEDULE_LEARNING_RATE)); }

fn updateParameter(n: u32, gradient: f32, rates: Rates) {
  let parameter = parameters[n];
  let d = gradient + ${float(weightDecay)} * parameter;${momentum === 0 ? '\n  let change = d;' : change}
  parameters[n] = parameter - rates.lr * change;
}`;
}

function adam({ name, betas, eps, weightDecay }: UpdateRule, parameters: number): string {
  const [beta1, beta2] = betas;
  const decoupled = name === 'adamw';
  return `
// step = lr / (1 - β₁ᵗ), inverse_root = 1 / √(1 - β₂ᵗ), shrink = 1 - lr · wd
struct Rates { step: f32, inverse_root: f32, shrink: f32 }
fn ratesOf(batch: u32, updates: u32) -> Rates {
  return Rates(
    scheduled(batch, SCHEDULE_LEARNING_RATE) * scheduled(updates, SCHEDULE_MEAN_CORRECTION),
    scheduled(updates, SCHEDULE_ROOT_CORRECTION),
    scheduled(batch, SCHEDULE_SHRINK),
  );
}

fn updateParameter(n: u32, gradient: f32, rates: Rates) {
  let parameter = parameters[n]${decoupled ? ' * rates.shrink' : ''};
  let d = gradient${decoupled ? '' : ` + ${float(weightDecay)} * parameter`};
  let mean = ${float(beta1)} * vectors[n] + ${float(1 - beta1)} * d;
  let variance = ${float(beta2)} * vectors[${parameters}u + n] + ${float(1 - beta2)} * d * d;
  vectors[n] = mean;
  vectors[${parameters}u + n] = variance;
  parameters[n] = parameter - rates.step * mean / (sqrt(variance) * rates.inverse_root + ${float(eps)});
}`;
}
