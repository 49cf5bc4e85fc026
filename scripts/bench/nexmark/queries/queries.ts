import { q0, q1, q2 } from './bids.ts'
import { q7 } from './highest-bids.ts'
import { q5 } from './hot-auctions.ts'
import { q3 } from './local-items.ts'
import { q8 } from './new-sellers.ts'
import type { Query } from './query.ts'

/** Nexmark's, by their names there. */
export const queries = { q0, q1, q2, q3, q5, q7, q8 } satisfies Readonly<Record<string, Query>>

export type QueryName = keyof typeof queries

export const queryNames: readonly QueryName[] = ['q0', 'q1', 'q2', 'q3', 'q5', 'q7', 'q8']
