import {
  serdes,
  type TopicToEnsure,
  type Topology,
  topic,
  topology,
  tumbling,
  untilWindowCloses,
  within,
} from 'rivulet'
import { clickhouse, clickhouseTable } from 'rivulet/clickhouse'
import type {
  FeedMessage,
  OutputOrder,
  PlannedMessage,
  SimulatedClickHouseOptions,
  SimulatedEnvironment,
  SimulatedRecord,
  SimulatedTopology,
} from 'rivulet/testing'

import { acknowledging, eventOf, placed, sent, tailing } from './fed-topologies.ts'

/** A topology, and what is written to it while it is simulated. */
export interface SimulatedDeployment {
  readonly name: string
  readonly topology: SimulatedTopology
  /** Copies of stores on other instances. Default 0. */
  readonly standbys?: number
  /** What a deploy brings. */
  readonly nextVersion?: Topology
  readonly topics?: readonly TopicToEnsure[]
  readonly outputs: OutputOrder
  readonly clickhouse?: SimulatedClickHouseOptions
  /** Nothing goes wrong before: what is written first must be there first. */
  readonly calmMs?: number
  records?(random: () => number, options: RecordsOptions): readonly SimulatedRecord[]
  /** What its source is sent. */
  messages?(random: () => number, options: RecordsOptions): readonly PlannedMessage[]
  readonly emitted?: (message: FeedMessage) => unknown
}

export interface RecordsOptions {
  readonly durationMs: number
  readonly bursts: number
}

type Records = NonNullable<SimulatedDeployment['records']>

/** Small, so that they are reached. */
export const environment: NonNullable<SimulatedEnvironment['environment']> = {
  recordsBufferedMax: 5,
  partitionFetchBytesMax: 256,
  bytesUnsentMax: 60,
  commitIntervalMs: 300,
  emitIntervalMs: 0,
}

const types = { key: serdes.string, value: serdes.long, partitions: 2 }
const input = topic('in', types)
const otherInput = topic('other-in', types)
const output = topic('out', types)

const windowMs = 10_000
const graceMs = 2_500
const keys = 6
const burstMax = 5

const pick = (random: () => number, count: number) => Math.floor(random() * count)

function recordOf(to: typeof input, atMs: number, random: () => number): SimulatedRecord {
  return { topic: to, key: `k${pick(random, keys)}`, value: 1 + pick(random, 9), timestampMs: atMs, atMs }
}

/** Bursts at random times: so transactions have several records, and lie apart. Event time is the order of writing. */
const steady: Records = (random, { durationMs, bursts }) =>
  Array.from({ length: bursts }, () => pick(random, durationMs))
    .toSorted((a, b) => a - b)
    .flatMap((atMs) =>
      Array.from({ length: 1 + pick(random, burstMax) }, () => recordOf(input, atMs, random)),
    )

/** The same; some come late, a few of them too late. At the end a record in each partition closes all windows. */
const late: Records = (random, options) => {
  const { durationMs } = options
  const some = steady(random, options).map((record) =>
    random() < 0.2
      ? { ...record, timestampMs: Math.max(0, record.timestampMs - pick(random, 2 * windowMs)) }
      : record,
  )
  const closing = Array.from({ length: 12 }, (_, i) => ({
    ...recordOf(input, durationMs + i, random),
    key: `last${i}`,
    timestampMs: 10 * durationMs,
  }))
  return [...some, ...closing]
}

/** One after the other, all the time. */
const flowing =
  (everyMs: number): Records =>
  (random, { durationMs }) => {
    const times = Array.from({ length: Math.floor(durationMs / everyMs) }, (_, i) => i * everyMs)
    return times.map((atMs) => recordOf(input, atMs, random))
  }
const trickling = flowing(1_000)
/** Hardly a moment without a transaction. */
const streaming = flowing(400)

/** To two topics. */
const paired: Records = (random, options) =>
  steady(random, options).map((record) => (random() < 0.5 ? record : { ...record, topic: otherInput }))

/** Keys that are deleted, and counted again much later: one that has come back from the dead counts on. */
const departing: Records = (random, options) => {
  const { durationMs } = options
  const passing = Array.from({ length: 20 }, (_, i) => {
    const beginMs = pick(random, durationMs / 2)
    const of = (value: number, atMs: number) => ({
      topic: input,
      key: `p${i}`,
      value,
      timestampMs: atMs,
      atMs,
    })
    return [of(1, beginMs), of(2, beginMs + 500), of(0, beginMs + 1_500), of(3, durationMs + i)]
  })
  return [...steady(random, options), ...passing.flat()]
}

/** First a row for each key, and then the records that look them up. */
const looked: Records = (random, { durationMs, bursts }) => {
  const rows = Array.from({ length: keys }, (_, i) => ({
    ...recordOf(otherInput, i, random),
    key: `k${i}`,
  }))
  const records = steady(random, { durationMs: durationMs - calmMs, bursts })
  const later = records.map(({ atMs, ...record }) => ({
    ...record,
    timestampMs: calmMs + atMs,
    atMs: calmMs + atMs,
  }))
  return [...rows, ...later]
}
const calmMs = 3_000

/** State, outputs and offsets in one transaction. */
const counting = topology('counting', ({ stream }) => {
  stream(input)
    .groupByKey()
    .count('seen')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

/** Stream time, and results that come at once for many records. */
const windowing = topology('windowing', ({ stream }) => {
  stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: windowMs, graceMs }))
    .reduce('sum', (a, b) => a + b)
    .suppress('closed', untilWindowCloses)
    .toStream()
    .filter((sum) => sum !== null)
    .map((sum, { key }) => [key, sum])
    .to(output)
})

/** The same with a buffer of its own, as it has bounds. */
const holding = topology('holding', ({ stream }) => {
  stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: windowMs, graceMs }))
    .reduce('sum', (a, b) => a + b)
    .suppress('closed', untilWindowCloses, { recordsMax: 1_000, whenFull: 'shutDown' })
    .toStream()
    .filter((sum) => sum !== null)
    .map((sum, { key }) => [key, sum])
    .to(output)
})

/** Windows that are emitted once, when they have closed. */
const closing = topology('closing', ({ stream }) => {
  stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: windowMs, graceMs }), { emit: 'onWindowClose' })
    .reduce('sum', (a, b) => a + b)
    .toStream()
    .filter((sum) => sum !== null)
    .map((sum, { key }) => [key, sum])
    .to(output)
})

/** Two sub-topologies, and a topic of the application's own between them. */
const regrouping = topology('regrouping', ({ stream }) => {
  stream(input)
    .groupBy('by parity', (value) => (value % 2 === 0 ? 'even' : 'odd'))
    .count('of parity')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

/** Rows that move from one group to another: each change takes away from the one and adds to the other. */
const moving = topology('moving', ({ table }) => {
  table(input)
    .groupBy('by parity', (value, key) => [value % 2 === 0 ? 'even' : 'odd', `${key}`], {
      key: serdes.string,
      value: serdes.string,
    })
    .count('of parity')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

/** Two inputs, and a store for each side. */
const pairing = topology('pairing', ({ stream }) => {
  stream(input)
    .join(
      'paired',
      stream(otherInput),
      (a, b) => 10 * a + b,
      within({ beforeMs: 2_000, afterMs: 2_000, graceMs: 600_000 }),
    )
    .to(output)
})

/** Two tables, of which one is asked for the other's changes. */
const merging = topology('merging', ({ table }) => {
  table(input)
    .join('merged', table(otherInput), (a, b) => 10 * a + b, { value: serdes.long })
    .toStream()
    .filter((row) => row !== null)
    .to(output)
})

/** A table that each record looks into. */
const looking = topology('looking', ({ stream, table }) => {
  stream(input)
    .join('looked up', table(otherInput), (a, b) => 10 * a + b)
    .to(output)
})

const sums = clickhouseTable('simulated.sums', {
  columns: { sum: 'Int64' },
  orderBy: ['sum'],
  row: (sum: number) => ({ sum }),
})

/** From a topic through windows to a topic and a table. */
const storing = topology('storing', ({ stream }) => {
  stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: windowMs, graceMs }))
    .reduce('sum', (a, b) => a + b)
    .toStream()
    .filter((sum) => sum !== null)
    .map((sum, { key }) => [key, sum])
    .to(output)
  stream(output).batch({ rowsMax: 20, waitMsMax: 200 }).to(clickhouse(sums))
})

const deleting = topology('deleting', ({ stream }) => {
  stream(input)
    .groupByKey()
    .aggregate('sum', {
      initializer: () => 0,
      aggregator: (sum, value) => (value === 0 ? null : sum + value),
    })
    .toStream()
    .map((sum, key) => [key, sum ?? -1])
    .to(output)
})

/** Its days are seconds: compaction takes tombstones away while instances are away. */
const quicklyCompacted: TopicToEnsure = {
  name: 'deleting-sum-changelog',
  partitions: 2,
  config: {
    'cleanup.policy': 'compact',
    'segment.bytes': '500',
    'delete.retention.ms': '1000',
    'min.cleanable.dirty.ratio': '0.01',
  },
}

const otherOutput = topic('other-out', types)

/** Two sub-topologies that have nothing to do with each other. */
const parted = topology('versions', ({ stream }) => {
  for (const [from, to] of [
    [input, output],
    [otherInput, otherOutput],
  ] as const) {
    stream(from)
      .groupByKey()
      .count(`of ${from.name}`)
      .toStream()
      .filter((count) => count !== null)
      .to(to)
  }
})

/** The same in one, by a join, and behind another that was put before it. */
const joined = topology('versions', ({ stream }) => {
  stream(topic('early', types)).groupByKey().count('of early')
  const counts = stream(input).groupByKey().count('of in')
  const otherCounts = stream(otherInput).groupByKey().count('of other-in')
  counts
    .toStream()
    .filter((count) => count !== null)
    .to(output)
  otherCounts
    .toStream()
    .filter((count) => count !== null)
    .to(otherOutput)
  counts.join('sum of both', otherCounts, (a, b) => a + b)
})

const values = clickhouseTable('simulated.values', {
  columns: { value: 'Int64' },
  orderBy: ['value'],
  row: (value: number) => ({ value }),
})

/** A topic that two tasks read, each as far as it has come: one counts, one stores. */
const sharing = topology('sharing', ({ stream }) => {
  const records = stream(input)
  records
    .groupByKey()
    .count('seen')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
  records.batch({ rowsMax: 20, waitMsMax: 200 }).to(clickhouse(values))
})

/** Tokens are forgotten as soon as the sink allows for: it may have looked 30 s ago, and its insert come late. A profile that knows neither tokens nor whole inserts. */
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
  refuses: (row) => row.startsWith('7\t'),
}
const clickhouseCluster: SimulatedClickHouseOptions = {
  ...clickhouseOptions,
  replicas: 3,
  lagMsMax: 3_000,
  faults: { ...clickhouseOptions.faults, burnt: 0 },
}

export const deployments: readonly SimulatedDeployment[] = [
  { name: 'counting', topology: counting, outputs: 'in-order', records: steady },
  { name: 'flowing', topology: counting, outputs: 'in-order', records: streaming },
  { name: 'windowing', topology: windowing, outputs: 'in-order', records: late },
  { name: 'holding', topology: holding, outputs: 'in-order', records: late },
  { name: 'closing', topology: closing, outputs: 'in-order', records: late },
  { name: 'regrouping', topology: regrouping, outputs: 'in-order', records: steady },
  { name: 'moving', topology: moving, outputs: 'latest', records: trickling },
  { name: 'pairing', topology: pairing, outputs: 'any-order', records: paired },
  { name: 'merging', topology: merging, outputs: 'latest', records: paired },
  { name: 'looking', topology: looking, outputs: 'in-order', records: looked, calmMs },
  { name: 'placed', topology: placed, outputs: 'in-order', messages: sent, emitted: eventOf },
  {
    name: 'tailing',
    topology: tailing,
    outputs: 'in-order',
    records: trickling,
    messages: sent,
    emitted: eventOf,
  },
  {
    name: 'acknowledging',
    topology: acknowledging,
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

/** With copies of stores on other instances. Drawn by no seed, so that what each seed has found before stays what it is. */
export const copiedDeployments: readonly SimulatedDeployment[] = [
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
]
