/** Messages between the Teach view and its workers. One worker answers drawings, another trains. */
import type { TeachProject, TeachSummary } from '#src/data/pens/project.js';
import type { SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import type { LeaveOneOut, NearestAnswer } from '#src/teach/nearest.js';
import type { StarterName } from '#src/teach/starters.js';
import type { TeachProgress } from '#src/teach/train-symbols.js';
import type { SymbolQuestion } from './protocol.js';

/** A drawing with its class. */
export interface Example {
  id: string;
  /** Id of the class. */
  class: string;
  /** For each stroke, [[x …], [y …]]. */
  drawing: number[][][];
}

/** The formats of a network for other tools. */
export type TakeAwayFormat = 'onnx' | 'pytorch' | 'c' | 'html';

/** Requests by type; each is answered once. */
export interface TeachCalls {
  /** Opens the network whose features tell symbols apart. @see openFeatures */
  features: { asked: { checkpoint: string }; answer: null };
  /** Adds or replaces examples, and removes some. */
  examples: { asked: { put: Example[]; remove: string[] }; answer: LeaveOneOut };
  /** Opens the taught network, or closes it. The answer is the names of its classes. */
  network: { asked: { checkpoint: Uint8Array | null }; answer: string[] };
  answer: { asked: { drawing: number[][][] }; answer: LiveReply };
  /** Reads a word. `examples`: ids of the classes that the nearest examples know; null: the taught network reads. */
  read: { asked: SymbolQuestion & { examples: string[] | null }; answer: SymbolReading };
  starter: { asked: { name: StarterName }; answer: TeachProject };
  export: {
    asked: { checkpoint: Uint8Array; name: string; format: TakeAwayFormat; template: string };
    answer: { name: string; bytes: Uint8Array }[];
  };
  /** Trains. Sends events meanwhile. The answer is null if the training was stopped. */
  train: {
    asked: { project: TeachProject; base: string | null; threads: number };
    answer: { checkpoint: Uint8Array; summary: TeachSummary } | null;
  };
}
export type CallName = keyof TeachCalls;

/** Answers to a drawing; null where there is nothing that answers, or nothing to recognise. */
export interface LiveReply {
  nearest: NearestAnswer | null;
  /** [K] in the order of the network's classes. */
  network: Float32Array | null;
  /** [K] names of the network's classes. */
  networkClasses: string[];
}

export type TeachMessage =
  | { [N in CallName]: { id: number; call: N; asked: TeachCalls[N]['asked'] } }[CallName]
  | { control: 'pause' | 'continue' | 'stop' };

export type TeachReply =
  | { id: number; answer: TeachCalls[CallName]['answer']; error: null }
  | { id: number; error: string }
  | TeachEvent;

export type TeachEvent =
  | { event: 'progress'; progress: TeachProgress }
  | { event: 'better'; checkpoint: Uint8Array };
