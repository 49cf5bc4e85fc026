import type { StoreType, TopicToEnsure, Topology } from 'rivulet'
import type {
  FeedMessage,
  OutputOrder,
  PlannedMessage,
  SimulatedClickHouseOptions,
  SimulatedEnvironment,
  SimulatedTopology,
} from 'rivulet/testing'
import { acknowledging, eventOf, placed, sent, tailing } from './fed-topologies.ts'
import {
  calmMs,
  departing,
  late,
  looked,
  paired,
  type Records,
  type RecordsOptions,
  steady,
  streaming,
  trickling,
} from './records.ts'
import {
  closing,
  counting,
  deleting,
  holding,
  joined,
  looking,
  merging,
  moving,
  pairing,
  parted,
  quicklyCompacted,
  regrouping,
  sharing,
  storing,
  windowing,
} from './topologies.ts'

/** A topology, and what is written to it while it is simulated. */
export interface SimulatedDeployment {
  readonly name: string
  readonly topology: SimulatedTopology
  /** Copies of stores on other instances. Default 0. */
  readonly standbys?: number
  /** Where stores keep their rows. Default: in memory. */
  readonly storeType?: StoreType
  /** What a deploy brings. */
  readonly nextVersion?: Topology
  readonly topics?: readonly TopicToEnsure[]
  readonly outputs: OutputOrder
  readonly clickhouse?: SimulatedClickHouseOptions
  /** Often, who had a task wakes up in the middle of a transaction while the next one begins. */
  readonly takenOver?: boolean
  /** Nothing goes wrong before: what is written first must be there first. */
  readonly calmMs?: number
  readonly records?: Records
  /** What its source is sent. */
  messages?(random: () => number, options: RecordsOptions): readonly PlannedMessage[]
  readonly emitted?: (message: FeedMessage) => unknown
}

/** Small, so that they are reached. */
export const environment: NonNullable<SimulatedEnvironment['environment']> = {
  recordsBufferedMax: 5,
  partitionFetchBytesMax: 256,
  bytesUnsentMax: 60,
  emitIntervalMs: 0,
}

/**
 * Tokens are forgotten as soon as the sink allows for: it may have looked 30 s ago, and its insert come late. A profile that
 * knows neither tokens nor whole inserts.
 */
const clickhouseOptions: SimulatedClickHouseOptions = {
  tokensMax: 1_000,
  tokensKeptMs: 41_000,
  lateMsMax: 10_000,
  faults: { lost: 0.02, unanswered: 0.05, late: 0.05, failing: 0.05, burnt: 0.03 },
  profile: { insert_deduplicate: 0, max_insert_block_size: 2 },
}
/** A table that does not take each row, and remembers tokens for longer than anybody waits. */
const clickhouseRefusing: SimulatedClickHouseOptions = {
  ...clickhouseOptions,
  tokensKeptMs: 600_000,
  refuses: (own) => own.readBigInt64LE() === 7n,
}
const clickhouseCluster: SimulatedClickHouseOptions = {
  ...clickhouseOptions,
  replicas: 3,
  lagMsMax: 3_000,
  faults: { ...clickhouseOptions.faults, burnt: 0 },
}

export const deployments: readonly SimulatedDeployment[] = [
  { name: 'counting', topology: counting, outputs: 'in-order', records: steady },
  { name: 'flowing', topology: counting, takenOver: true, outputs: 'in-order', records: streaming },
  { name: 'windowing', topology: windowing, outputs: 'in-order', records: late },
  { name: 'holding', topology: holding, outputs: 'in-order', records: late },
  { name: 'closing', topology: closing, outputs: 'in-order', records: late },
  { name: 'regrouping', topology: regrouping, outputs: 'in-order', records: steady },
  { name: 'moving', topology: moving, outputs: 'latest', records: trickling },
  { name: 'pairing', topology: pairing, outputs: 'any-order', records: paired },
  { name: 'merging', topology: merging, outputs: 'latest', records: paired },
  { name: 'looking', topology: looking, outputs: 'in-order', records: looked, calmMs },
  {
    name: 'placed',
    topology: placed,
    takenOver: true,
    outputs: 'in-order',
    messages: sent,
    emitted: eventOf,
  },
  {
    name: 'tailing',
    topology: tailing,
    takenOver: true,
    outputs: 'in-order',
    records: trickling,
    messages: sent,
    emitted: eventOf,
  },
  {
    name: 'acknowledging',
    topology: acknowledging,
    takenOver: true,
    outputs: 'at-least-once',
    messages: sent,
    emitted: eventOf,
  },
  {
    name: 'deleting',
    topology: deleting,
    topics: [quicklyCompacted],
    outputs: 'in-order',
    records: departing,
  },
  { name: 'joining', topology: parted, nextVersion: joined, outputs: 'in-order', records: paired },
  { name: 'parting', topology: joined, nextVersion: parted, outputs: 'in-order', records: paired },
  {
    name: 'storing',
    topology: storing,
    outputs: 'in-order',
    clickhouse: clickhouseOptions,
    records: late,
  },
  {
    name: 'replicating',
    topology: storing,
    outputs: 'in-order',
    clickhouse: clickhouseCluster,
    records: late,
  },
  {
    name: 'sharing',
    topology: sharing,
    outputs: 'in-order',
    clickhouse: clickhouseOptions,
    records: trickling,
  },
  {
    name: 'refusing',
    topology: sharing,
    outputs: 'in-order',
    clickhouse: clickhouseRefusing,
    records: trickling,
  },
]

/**
 * With copies of stores on other instances, or with their rows on disk. Drawn by no seed, so that what each seed has found
 * before stays what it is.
 */
export const furtherDeployments: readonly SimulatedDeployment[] = [
  { name: 'counting with standbys', topology: counting, outputs: 'in-order', records: steady, standbys: 1 },
  {
    name: 'deleting with standbys',
    topology: deleting,
    topics: [quicklyCompacted],
    outputs: 'in-order',
    records: departing,
    standbys: 1,
  },
  {
    name: 'windowing with standbys',
    topology: windowing,
    outputs: 'in-order',
    records: late,
    standbys: 1,
  },
  {
    name: 'counting on disk',
    topology: counting,
    outputs: 'in-order',
    records: steady,
    storeType: 'disk',
  },
  {
    name: 'moving on disk',
    topology: moving,
    outputs: 'latest',
    records: trickling,
    storeType: 'disk',
  },
  {
    name: 'deleting on disk with standbys',
    topology: deleting,
    topics: [quicklyCompacted],
    outputs: 'in-order',
    records: departing,
    standbys: 1,
    storeType: 'disk',
  },
]
