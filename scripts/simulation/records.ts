import { serdes, topic } from 'rivulet'
import type { SimulatedRecord } from 'rivulet/testing'

export interface RecordsOptions {
  readonly durationMs: number
  readonly bursts: number
}

/** What is written to a deployment: all of its chance comes from `random`. */
export type Records = (random: () => number, options: RecordsOptions) => readonly SimulatedRecord[]

export const types = { key: serdes.string, value: serdes.long, partitions: 2 }
export const input = topic('in', types)
export const otherInput = topic('other-in', types)

/** Of the windows that the records are meant for. */
export const windowMs = 10_000
const keys = 6
const burstMax = 5

const pick = (random: () => number, count: number) => Math.floor(random() * count)

function recordOf(to: typeof input, atMs: number, random: () => number): SimulatedRecord {
  return { topic: to, key: `k${pick(random, keys)}`, value: 1 + pick(random, 9), timestampMs: atMs, atMs }
}

/** Bursts at random times: so transactions have several records, and lie apart. Event time is the order of writing. */
export const steady: Records = (random, { durationMs, bursts }) =>
  Array.from({ length: bursts }, () => pick(random, durationMs))
    .toSorted((a, b) => a - b)
    .flatMap((atMs) =>
      Array.from({ length: 1 + pick(random, burstMax) }, () => recordOf(input, atMs, random)),
    )

/** The same; some come late, a few of them too late. At the end a record in each partition closes all windows. */
export const late: Records = (random, options) => {
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
export const trickling = flowing(1_000)
/** Hardly a moment without a transaction. */
export const streaming = flowing(400)

/** To two topics. */
export const paired: Records = (random, options) =>
  steady(random, options).map((record) => (random() < 0.5 ? record : { ...record, topic: otherInput }))

/** Keys that are deleted, and counted again much later: one that has come back from the dead counts on. */
export const departing: Records = (random, options) => {
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
export const looked: Records = (random, { durationMs, bursts }) => {
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
export const calmMs = 3_000
