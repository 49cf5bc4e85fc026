import { hopping, serdes, topic, topology, untilWindowCloses } from 'rivulet'
import type { Query } from './query.ts'

export const [hotWindowMs, hotAdvanceMs] = [10_000, 2_000]

/** The auctions with the most bids of a window, in order of id. */
export interface HotAuctions {
  readonly auctions: readonly number[]
  readonly bids: number
  readonly windowEndMs: number
}

/** Which auctions have had the most bids in the last ten seconds, every two seconds. */
export const q5: Query = {
  reads: ['bid'],
  updates: true,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream }) => {
      stream(topics.bid)
        .groupByKey()
        .windowedBy(hopping({ sizeMs: hotWindowMs, advanceMs: hotAdvanceMs }))
        .count('bids of the auction')
        .suppress('closed windows', untilWindowCloses)
        .toStream()
        .map('by window', (bids, { key, startMs, endMs }): readonly [number, HotAuctions] => [
          startMs,
          { auctions: [key], bids: bids ?? 0, windowEndMs: endMs },
        ])
        .groupByKey('windows', { key: serdes.long })
        .reduce('hot auctions', hotterOf)
        .toStream()
        .to(topic(output, { key: serdes.long, value: serdes.nullable(serdes.json<HotAuctions>()) }))
    }),
}

/** Both where they are equally hot. */
export function hotterOf(a: HotAuctions, b: HotAuctions): HotAuctions {
  if (a.bids !== b.bids) return a.bids > b.bids ? a : b
  return { ...a, auctions: [...a.auctions, ...b.auctions].sort((x, y) => x - y) }
}
