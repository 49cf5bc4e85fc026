import type { SourceState } from '../stream/source.ts'

/** What `/api/pipeline` answers: where the pipeline stands at this moment. */
export interface PipelineStatus {
  /** The topology's name. */
  readonly topology: string
  /** The steps, in order of declaration. */
  readonly nodes: readonly PipelineNode[]
  /** What leads from step to step, also through topics. */
  readonly edges: readonly PipelineEdge[]
  /** How far this instance has come in what it reads. */
  readonly partitions: readonly PartitionStatus[]
  /** The copies that this instance keeps of stores of tasks that run elsewhere. */
  readonly standbys: readonly StandbyStatus[]
  /** Since the program's start: duplicates, gaps, backfilled, late, dead_letters, … */
  readonly counters: Readonly<Record<string, number>>
  /** All that the topology declares; each is run by one instance at a time. */
  readonly sources: readonly SourceStatus[]
}

/** A step, and how much goes through it. */
export interface PipelineNode {
  /** The step's. */
  readonly name: string
  /** Such as `source`, `topic`, `mapValues`, `windowedBy`, `sink`. */
  readonly kind: string
  /** Records per second, over the last seconds. */
  readonly rate: number
  /** Records since the program's start. */
  readonly total: number
}

/** A way from one step to the next. */
export interface PipelineEdge {
  /** The name of the step before. */
  readonly from: string
  /** The name of the step behind. */
  readonly to: string
}

/** How far the reading of one partition has come. */
export interface PartitionStatus {
  /** The topic's real name. */
  readonly topic: string
  /** From 0 on. */
  readonly partition: number
  /** Behind the last record that can be read. */
  readonly end_offset: number
  /** The next record to read after a restart. */
  readonly committed: number
  /** Records between the two. */
  readonly lag: number
}

/** A copy of the stores of a task that runs elsewhere. */
export interface StandbyStatus {
  /** `<topic>_<partition>`: the first of its inputs. */
  readonly task: string
  /** By how many records of its changelogs it was behind when it was looked at last; null: it is being made. */
  readonly lag: number | null
}

/** How a source is. */
export interface SourceStatus {
  /** Of its step. */
  readonly name: string
  /** As the source has said last; `elsewhere`: another instance runs it. */
  readonly state: SourceState | 'elsewhere'
  /** The instance that runs it, by its id in Kafka's group and its host; null: nobody at the moment, or nobody known. */
  readonly owner: string | null
  /** ISO 8601 in UTC; null before the first one. */
  readonly last_message: string | null
  /** Why it is waiting, or what the other side rejected, in a sentence for the user. */
  readonly problem?: string
}
