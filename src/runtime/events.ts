import type { PartitionOffset } from '../kafka/types.ts'

/** What a running topology tells about itself. */
export type RuntimeEvent =
  | {
      /** Topics are there, sinks are open, and what the group gave to this instance first is running. */
      readonly type: 'started'
    }
  | {
      /** A store is being read from its changelog, which takes more than a second: told once a second. */
      readonly type: 'restoring'
      /** `<topic>_<partition>`: the first of its inputs. */
      readonly task: string
      /** The store's name. */
      readonly store: string
      /** Records that were read. */
      readonly restored: number
      /** Offsets that are left; behind them there may be fewer records. */
      readonly remaining: number
    }
  | {
      /** A task has its state, and begins to read. */
      readonly type: 'task-started'
      /** `<topic>_<partition>`: the first of its inputs; of a sink's task, `<topic>_<partition>><step>`. */
      readonly task: string
      /** Entries of its stores that came from checkpoints. */
      readonly fromCheckpoint: number
      /** Records of changelogs that were read. */
      readonly fromTopic: number
    }
  | {
      /** A task has ended: it goes to another instance, or the program stops. */
      readonly type: 'task-stopped'
      /** `<topic>_<partition>`: the first of its inputs; of a sink's task, `<topic>_<partition>><step>`. */
      readonly task: string
    }
  | {
      /** What a task has read up to these offsets is processed and written. */
      readonly type: 'committed'
      /** `<topic>_<partition>`: the first of its inputs; of a sink's task, `<topic>_<partition>><step>`. */
      readonly task: string
      /** Of the next record to read, in each partition that has moved. */
      readonly offsets: readonly PartitionOffset[]
      /** From the beginning of the commit to its end. */
      readonly tookMs: number
    }
  | {
      /** What a source has emitted until then is in Kafka. */
      readonly type: 'source-committed'
      /** Its step's name. */
      readonly source: string
      /** From the beginning of the commit to its end. */
      readonly tookMs: number
    }
  | {
      /** A batch is in an external system. */
      readonly type: 'written'
      /** The sink's step. */
      readonly step: string
      /** How many it has. */
      readonly rows: number
      /** From the beginning of the write to its end, retries among it. */
      readonly tookMs: number
      /** Of its first record, by its timestamp: how long it took to there from where it happened. */
      readonly ageMs: number
    }
  | {
      /** A source of this instance has completed, and all that it has emitted is in Kafka. */
      readonly type: 'source-ended'
      /** Its step's name. */
      readonly source: string
      /** Whether the program stops for it, when the rest is worked off. */
      readonly stops: boolean
    }
  | {
      /** A record was put away. */
      readonly type: 'dead-letter'
      /** Where it went: the dead-letter topic's real name. */
      readonly topic: string
    }
