import type { OpBuilder } from '../builder.ts'

/** Joins of all kinds. */
export const joinOps: readonly OpBuilder[] = []
