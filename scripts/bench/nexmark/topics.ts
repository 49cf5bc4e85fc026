import { serdes, shape, type Topic, topic } from 'rivulet'
import type { Auction, Bid, NexmarkEvent, Person } from './events.ts'

/** Each kind of event in a topic of its own, keyed by what joins and groups ask for. */
export interface NexmarkTopics {
  /** By id. */
  readonly person: Topic<number, Person>
  /** By seller: what a person sells lies where the person does. */
  readonly auction: Topic<number, Auction>
  /** By auction. */
  readonly bid: Topic<number, Bid>
}

const person = shape({
  ...{ id: 'number', name: 'string', emailAddress: 'string', creditCard: 'string', city: 'string' },
  ...{ state: 'string', dateTime: 'number', extra: 'string' },
})
const auction = shape({
  ...{ id: 'number', itemName: 'string', description: 'string', initialBid: 'number', reserve: 'number' },
  ...{ dateTime: 'number', expires: 'number', seller: 'number', category: 'number', extra: 'string' },
})
export const bidValue = shape({
  ...{ auction: 'number', bidder: 'number', price: 'number', channel: 'string', url: 'string' },
  ...{ dateTime: 'number', extra: 'string' },
})

/** `prefix` tells the topics of one run of the benchmark from those of others on the same Kafka. */
export function nexmarkTopics(prefix: string): NexmarkTopics {
  const key = serdes.long
  return {
    person: topic(`${prefix}person`, { key, value: person }),
    auction: topic(`${prefix}auction`, { key, value: auction }),
    bid: topic(`${prefix}bid`, { key, value: bidValue }),
  }
}

/** The key of its record. */
export function keyOf(event: NexmarkEvent): number {
  if (event.kind === 'person') return event.value.id
  return event.kind === 'auction' ? event.value.seller : event.value.auction
}
