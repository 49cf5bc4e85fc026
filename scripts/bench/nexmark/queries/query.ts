import type { Topology } from 'rivulet'
import type { NexmarkEvent } from '../events.ts'
import type { NexmarkTopics } from '../topics.ts'

/** What a run of a query is called, what it reads, and the topic that it writes. */
export interface QueryRun {
  readonly application: string
  readonly topics: NexmarkTopics
  readonly output: string
}

/** A query of Nexmark, as one writes it with the DSL. */
export interface Query {
  readonly reads: readonly NexmarkEvent['kind'][]
  /** Whether a result replaces the earlier one of its key, and null takes it back; else each stands for itself. */
  readonly updates: boolean
  readonly topology: (run: QueryRun) => Topology
}
