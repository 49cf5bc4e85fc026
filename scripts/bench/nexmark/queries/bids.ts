import { serdes, shape, topic, topology } from 'rivulet'
import { bidValue } from '../topics.ts'
import type { Query } from './query.ts'

const key = serdes.long

/** Bids as they are: what reading and writing cost. */
export const q0: Query = {
  reads: ['bid'],
  updates: false,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream }) => {
      stream(topics.bid).to(topic(output, { key, value: bidValue }))
    }),
}

export const eurosPerDollar = 0.908

/** Bids in euros. */
export const q1: Query = {
  reads: ['bid'],
  updates: false,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream }) => {
      stream(topics.bid)
        .mapValues('in euros', (bid) => ({ ...bid, price: bid.price * eurosPerDollar }))
        .to(topic(output, { key, value: bidValue }))
    }),
}

/** Among so many auctions, one is looked at. */
export const chosenOneOf = 123

const pricedAuction = shape({ auction: 'number', price: 'number' })

/** The prices that are bid for a few auctions. */
export const q2: Query = {
  reads: ['bid'],
  updates: false,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream }) => {
      stream(topics.bid)
        .filter('a few auctions', ({ auction }) => auction % chosenOneOf === 0)
        .mapValues('their prices', ({ auction, price }) => ({ auction, price }))
        .to(topic(output, { key, value: pricedAuction }))
    }),
}
