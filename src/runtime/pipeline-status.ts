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
  /** What runs here: of sources, of streams, and of sinks. */
  readonly tasks: readonly TaskStatus[]
  /** The external ones, in order of declaration. */
  readonly sinks: readonly SinkStatus[]
  /** When a task or a source has committed last, ISO 8601 in UTC; null: none has. */
  readonly last_commit: string | null
  /** Since the program's start: duplicates, gaps, backfilled, late, dead_letters, … */
  readonly counters: Readonly<Record<string, number>>
  /** All that the topology declares; each is run by one instance at a time. */
  readonly sources: readonly SourceStatus[]
  /** What sources have missed since the program's start, the newest 200, oldest first. */
  readonly gaps: readonly GapStatus[]
  /** Windows that late records have missed, of the tasks that run here: the newest 50 of each step. */
  readonly late: readonly LateStatus[]
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

/** How a task is, and what it does with its time. */
export interface TaskStatus {
  /** `<topic>_<partition>`, `<topic>_<partition>><step>` of a sink's, or the source's step. */
  readonly task: string
  /** Of the topology's description. */
  readonly sub_topology: number
  /** `restoring`: its stores read their changelogs; `starting`: it waits for something else. */
  readonly state: 'starting' | 'restoring' | 'running'
  /** The share of the last seconds in which it worked, from 0 to 1. */
  readonly busy: number
  /** The share in which it waited for whoever takes what it makes; in the rest it had nothing to do. */
  readonly held_back: number
  /** Where event time has come to, ISO 8601 in UTC; null: nowhere, or it has no step that goes by it. */
  readonly stream_time: string | null
  /** Offsets of changelogs that were read of those that are to be; null: there is nothing to restore. */
  readonly restored: RestoreStatus | null
  /** What it keeps, when it runs. */
  readonly stores: readonly StoreStatus[]
}

/** How far a task has come in restoring its stores. */
export interface RestoreStatus {
  /** Of its changelogs, so many were read. */
  readonly offsets: number
  /** So many are to be. */
  readonly of: number
}

/** A task's part of a store. */
export interface StoreStatus {
  /** The store's. */
  readonly name: string
  /** How many it holds. */
  readonly entries: number
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
  /** How long that took, tries among it. */
  readonly last_write_seconds: number | null
  /** What it writes through, by the name that its connector has. */
  readonly connection: string
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
  /** Parts of it that the other side refuses, while the others go on. */
  readonly rejected: readonly RejectedPart[]
  /** The longest time between two messages while nothing was wrong, of the last minutes; null: too few have come. */
  readonly longest_pause_seconds: number | null
}

/** A part of a source that the other side refuses. */
export interface RejectedPart {
  /** Such as one of several feeds. */
  readonly part: string
  /** As the other side says it. */
  readonly reason: string
  /** ISO 8601 in UTC. */
  readonly since: string
}

/** Records that came too late for a window. */
export interface LateStatus {
  /** The step whose window it is. */
  readonly step: string
  /** The window's start, ISO 8601 in UTC. */
  readonly window_start: string | null
  /** Its end. */
  readonly window_end: string | null
  /** How many. */
  readonly records: number
}

/** Something that a source has missed. */
export interface GapStatus {
  /** The source's step. */
  readonly source: string
  /** The part of it, such as one of several feeds. */
  readonly part: string
  /** The first that was missing, as the other side counts. */
  readonly from: string
  /** The last one. */
  readonly to: string
  /** How many. */
  readonly records: number
  /** When it was noticed, ISO 8601 in UTC. */
  readonly since: string
  /** When all of it had come, ISO 8601 in UTC; null: it has not. */
  readonly repaired: string | null
  /** Why it is given up, in a sentence; absent: it is being fetched, or was. */
  readonly reason?: string
}
