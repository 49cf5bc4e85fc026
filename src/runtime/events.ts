import type { PartitionOffset } from '../kafka/types.ts'

/** What a running topology tells about itself. */
export type RuntimeEvent =
  /** Topics are there, sinks are open, and what the group gave to this instance first is running. */
  | { readonly type: 'started' }
  | {
      readonly type: 'task-started'
      readonly task: string
      readonly fromCheckpoint: number
      readonly fromTopic: number
    }
  | { readonly type: 'task-stopped'; readonly task: string }
  | { readonly type: 'committed'; readonly task: string; readonly offsets: readonly PartitionOffset[] }
  | { readonly type: 'dead-letter'; readonly topic: string }
