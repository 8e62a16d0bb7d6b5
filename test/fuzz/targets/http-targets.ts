import type { Target } from '../target.js';

export const HTTP_TARGETS: Target[] = [];
