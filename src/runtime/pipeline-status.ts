import type { SourceState } from '../stream/source.ts'

/** What `/api/pipeline` answers: where the pipeline stands at this moment. */
export interface PipelineStatus {
  /** The topology's name. */
  readonly topology: string
  readonly nodes: readonly PipelineNode[]
  readonly edges: readonly PipelineEdge[]
  readonly partitions: readonly PartitionStatus[]
  /** Since the program's start: duplicates, gaps, backfilled, late, dead_letters, … */
  readonly counters: Readonly<Record<string, number>>
  readonly sources: readonly SourceStatus[]
}

export interface PipelineNode {
  readonly name: string
  /** Such as `source`, `topic`, `mapValues`, `windowedBy`, `sink`. */
  readonly kind: string
  /** Records per second, over the last seconds. */
  readonly rate: number
  /** Records since the program's start. */
  readonly total: number
}

export interface PipelineEdge {
  readonly from: string
  readonly to: string
}

export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  readonly end_offset: number
  readonly committed: number
  /** Records between the two. */
  readonly lag: number
}

export interface SourceStatus {
  readonly name: string
  readonly state: SourceState
  /** ISO 8601 in UTC; null before the first one. */
  readonly last_message: string | null
  /** Why it is waiting, or what the other side rejected, in a sentence for the user. */
  readonly problem?: string
}
