import {
  keyValueStore,
  type Processor,
  serdes,
  topology,
  type ValueProcessor,
  versionedStore,
  windowStore,
} from 'rivulet'
import { amounts } from './topology.ts'

export const seen = keyValueStore({ name: 'seen', key: serdes.string, value: serdes.double })
export const past = versionedStore({
  name: 'past',
  key: serdes.string,
  value: serdes.double,
  historyMs: 1_000,
})
export const recent = windowStore({
  name: 'recent',
  key: serdes.string,
  value: serdes.double,
  sizeMs: 1_000,
  retentionMs: 60_000,
})
export const stores = { seen, past, recent }

export const sumSoFar: ValueProcessor<string, number, number, typeof stores> = ({ stores, forward }) => {
  return (amount, key, { timestampMs }) => {
    const total = (stores.seen.get(key) ?? 0) + amount
    stores.seen.put(key, total, timestampMs)
    stores.past.put(key, total, timestampMs)
    stores.recent.put(key, 0, total, timestampMs)
    forward(total)
  }
}

export const perMinute: Processor<string, number, string, number, Record<never, never>> = ({
  forward,
  punctuate,
}) => {
  let count = 0
  const cancel = punctuate({ everyMs: 60_000, by: 'streamTime' }, () => forward('all', count))
  return () => {
    count++
    if (count === 1_000_000) cancel()
  }
}

export const app = topology('processors', ({ stream }) => {
  const sums = stream(amounts).processValues('sum so far', { stores, processor: sumSoFar })
  sums.process('per minute', { processor: perMinute }).foreach(() => {})
  return { seen, recent }
})
