import type { SourceState } from '../stream/source.ts'
import type { SinkState } from './sink-standing.ts'

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
  /** The external ones, in order of declaration. */
  readonly sinks: readonly SinkStatus[]
  /** When a task or a source has committed last, ISO 8601 in UTC; null: none has. */
  readonly last_commit: string | null
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

/** How far a reader has come in a partition. */
export interface Progress {
  /** The next record to read after a restart. Of a sink that has not been open yet: as far as the group knows. */
  readonly committed: number
  /** Records between that and the end. */
  readonly lag: number
  /**
   * For how long the first record that is not committed has been there: since Kafka had it, whatever its timestamp is. Of one
   * that was there before the program, at least since that. Null: Kafka has not been asked yet.
   */
  readonly lag_seconds: number | null
  /** How long it takes until the lag is gone, if it goes on as in the last ten seconds; null: it does not become less. */
  readonly catches_up_in_seconds: number | null
}

/** One of those who read a partition, each from its own place. */
export interface ReaderStatus extends Progress {
  /** The sink's step; of what stays in Kafka, what its tasks are named after: the first of their inputs. */
  readonly reader: string
}

/** How far the reading of one partition has come: as that of the reader who is furthest behind. */
export interface PartitionStatus extends Progress {
  /** The topic's real name. */
  readonly topic: string
  /** From 0 on. */
  readonly partition: number
  /** Behind the last record that Kafka has, also of a transaction that is still open. */
  readonly end_offset: number
  /** When Kafka has said so last, ISO 8601 in UTC: asked every two seconds, also while nothing is read. Null: not yet. */
  readonly as_of: string | null
  /** All of this instance's. */
  readonly readers: readonly ReaderStatus[]
}

/** A copy of the stores of a task that runs elsewhere. */
export interface StandbyStatus {
  /** `<topic>_<partition>`: the first of its inputs. */
  readonly task: string
  /** By how many records of its changelogs it was behind when it was looked at last; null: it is being made. */
  readonly lag: number | null
}

/** How an external sink is. */
export interface SinkStatus {
  /** Of its step. */
  readonly name: string
  /** `opening`: it has not been reached yet; `retrying`: the last try has failed. */
  readonly state: SinkState
  /** Since when, ISO 8601 in UTC; where it writes, since the beginning of the oldest write under way. */
  readonly since: string
  /** Written since the program's start. */
  readonly rows: number
  /** Batches that were written. */
  readonly writes: number
  /** Tries that have failed. */
  readonly retries: number
  /** ISO 8601 in UTC; null before the first one. */
  readonly last_write: string | null
  /** Why the last try has failed, in a sentence; absent where none has since one succeeded. */
  readonly problem?: string
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
