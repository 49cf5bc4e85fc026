import type { UnseenMutant } from './mutant.ts'

/** Safeguards that a seed can't show, and what does. */
export const unseenMutants: readonly UnseenMutant[] = []
