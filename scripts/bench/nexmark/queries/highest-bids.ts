import { serdes, topic, topology, tumbling, untilWindowCloses } from 'rivulet'
import type { Bid } from '../events.ts'
import type { Query } from './query.ts'

export const highestWindowMs = 10_000

/** The bids with the highest price of a window, in order of time, then of auction. */
export interface HighestBids {
  readonly price: number
  readonly bids: readonly Pick<Bid, 'auction' | 'bidder' | 'dateTime'>[]
  readonly windowEndMs: number
}

/** The highest bids of every ten seconds. Those of each auction first, so that few are brought together. */
export const q7: Query = {
  reads: ['bid'],
  updates: true,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream }) => {
      stream(topics.bid)
        .mapValues('alone', highestBidsOf)
        .groupByKey('auctions')
        .windowedBy(tumbling({ sizeMs: highestWindowMs }))
        .reduce('highest of the auction', higherOf)
        .suppress('closed windows', untilWindowCloses)
        .toStream()
        .filter((bids) => bids !== null)
        .map('by window', (bids, { startMs }) => [startMs, bids])
        .groupByKey('windows', { key: serdes.long })
        .reduce('highest bids', higherOf)
        .toStream()
        .to(topic(output, { key: serdes.long, value: serdes.nullable(serdes.json<HighestBids>()) }))
    }),
}

export function highestBidsOf({ price, auction, bidder, dateTime }: Bid): HighestBids {
  const windowEndMs = dateTime - (dateTime % highestWindowMs) + highestWindowMs
  return { price, bids: [{ auction, bidder, dateTime }], windowEndMs }
}

/** Both where they are equally high. */
export function higherOf(a: HighestBids, b: HighestBids): HighestBids {
  if (a.price !== b.price) return a.price > b.price ? a : b
  const bids = [...a.bids, ...b.bids].sort((x, y) => x.dateTime - y.dateTime || x.auction - y.auction)
  return { ...a, bids }
}
