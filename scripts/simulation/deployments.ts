import { serdes, type Topology, topic, topology, tumbling, untilWindowCloses } from 'rivulet'
import type { SimulatedRecord } from 'rivulet/testing'

/** A topology, and what is written to it while it is simulated. */
export interface SimulatedDeployment {
  readonly name: string
  readonly topology: Topology
  records(random: () => number): readonly SimulatedRecord[]
}

const input = topic('in', { key: serdes.string, value: serdes.long, partitions: 2 })
const output = topic('out', { key: serdes.string, value: serdes.long, partitions: 2 })

const durationMs = 90_000
const keys = 6

/** Every key again and again, at random times; event time is the order of writing. */
function steady(random: () => number): SimulatedRecord[] {
  const times = Array.from({ length: 200 }, () => Math.floor(random() * durationMs)).toSorted((a, b) => a - b)
  return times.map((atMs) => ({
    topic: input,
    key: `k${Math.floor(random() * keys)}`,
    value: 1 + Math.floor(random() * 9),
    timestampMs: atMs,
    atMs,
  }))
}

/** The same, and at the end a record in each partition that closes all windows. */
function closing(random: () => number): SimulatedRecord[] {
  const last = Array.from({ length: 40 }, (_, i) => ({
    topic: input,
    key: `last${i}`,
    value: 1,
    timestampMs: 2 * durationMs,
    atMs: durationMs + i,
  }))
  return [...steady(random), ...last]
}

/** State, outputs and offsets in one transaction. */
const counting = topology('counting', ({ stream }) => {
  stream(input)
    .groupByKey()
    .count('seen')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

/** Stream time, a suppress buffer, and results that come at once for many records. */
const windowing = topology('windowing', ({ stream }) => {
  stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 10_000, graceMs: 1_000 }))
    .reduce('sum', (a, b) => a + b)
    .suppress('closed', untilWindowCloses)
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

export const deployments: readonly SimulatedDeployment[] = [
  { name: 'counting', topology: counting, records: steady },
  { name: 'windowing', topology: windowing, records: closing },
  { name: 'regrouping', topology: regrouping, records: steady },
]
