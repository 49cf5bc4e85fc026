import {
  type FinalResultBounds,
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
import { input, otherInput, types, windowMs } from './records.ts'

const output = topic('out', types)
const graceMs = 2_500

/** State, outputs and offsets in one transaction. */
export const counting = topology('counting', ({ stream }) => {
  stream(input)
    .groupByKey()
    .count('seen')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

/** Sums that are sent on when their windows have closed. */
function closedSums(name: string, bounds?: FinalResultBounds): Topology {
  return topology(name, ({ stream }) => {
    const sums = stream(input)
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: windowMs, graceMs }))
      .reduce('sum', (a, b) => a + b)
    const closed = bounds
      ? sums.suppress('closed', untilWindowCloses, bounds)
      : sums.suppress('closed', untilWindowCloses)
    closed
      .toStream()
      .filter((sum) => sum !== null)
      .map((sum, { key }) => [key, sum])
      .to(output)
  })
}

/** Stream time, and results that come at once for many records. */
export const windowing = closedSums('windowing')

/** The same with a buffer of its own, as it has bounds. */
export const holding = closedSums('holding', { recordsMax: 1_000, whenFull: 'shutDown' })

/** Windows that are emitted once, when they have closed. */
export const closing = topology('closing', ({ stream }) => {
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
export const regrouping = topology('regrouping', ({ stream }) => {
  stream(input)
    .groupBy('by parity', (value) => (value % 2 === 0 ? 'even' : 'odd'))
    .count('of parity')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

/** Rows that move from one group to another: each change takes away from the one and adds to the other. */
export const moving = topology('moving', ({ table }) => {
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
export const pairing = topology('pairing', ({ stream }) => {
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
export const merging = topology('merging', ({ table }) => {
  table(input)
    .join('merged', table(otherInput), (a, b) => 10 * a + b, { value: serdes.long })
    .toStream()
    .filter((row) => row !== null)
    .to(output)
})

/** A table that each record looks into. */
export const looking = topology('looking', ({ stream, table }) => {
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
export const storing = topology('storing', ({ stream }) => {
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

export const deleting = topology('deleting', ({ stream }) => {
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
export const quicklyCompacted: TopicToEnsure = {
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
export const parted = topology('versions', ({ stream }) => {
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
export const joined = topology('versions', ({ stream }) => {
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
export const sharing = topology('sharing', ({ stream }) => {
  const records = stream(input)
  records
    .groupByKey()
    .count('seen')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
  records.batch({ rowsMax: 20, waitMsMax: 200 }).to(clickhouse(values))
})
