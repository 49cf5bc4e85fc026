import type { NexmarkEvent, Person } from './events.ts'
import { chosenOneOf, eurosPerDollar } from './queries/bids.ts'
import { type HighestBids, highestWindowMs } from './queries/highest-bids.ts'
import { hotAdvanceMs, hotWindowMs } from './queries/hot-auctions.ts'
import { localStates, wantedCategory } from './queries/local-items.ts'
import { newWindowMs } from './queries/new-sellers.ts'
import type { QueryName } from './queries/queries.ts'

export type Emit = (key: number, value: object) => void

/** Takes events, each kind in order of time, and emits what they make certain. */
export type PlainQuery = (emit: Emit) => (event: NexmarkEvent) => void

/** The queries as plain loops with Maps: what all others must come to. Nothing survives a restart, and not all is forgotten. */
export const plainQueries: Readonly<Record<QueryName, PlainQuery>> = {
  q0: (emit) => (event) => {
    if (event.kind === 'bid') emit(event.value.auction, event.value)
  },
  q1: (emit) => (event) => {
    if (event.kind !== 'bid') return
    emit(event.value.auction, { ...event.value, price: event.value.price * eurosPerDollar })
  },
  q2: (emit) => (event) => {
    if (event.kind !== 'bid') return
    const { auction, price } = event.value
    if (auction % chosenOneOf === 0) emit(auction, { auction, price })
  },
  q3: localItems,
  q5: hotAuctions,
  q7: highestBids,
  q8: newSellers,
}

function localItems(emit: Emit): (event: NexmarkEvent) => void {
  const persons = new Map<number, Person>()
  const waiting = new Map<number, number[]>()
  const join = (id: number, { name, city, state }: Person) => {
    if (localStates.has(state)) emit(id, { name, city, state, id })
  }
  return (event) => {
    if (event.kind === 'person') {
      persons.set(event.value.id, event.value)
      for (const id of waiting.get(event.value.id) ?? []) join(id, event.value)
      waiting.delete(event.value.id)
    }
    if (event.kind === 'auction' && event.value.category === wantedCategory) {
      const { id, seller } = event.value
      const person = persons.get(seller)
      if (person) join(id, person)
      else waiting.set(seller, [...(waiting.get(seller) ?? []), id])
    }
  }
}

function hotAuctions(emit: Emit): (event: NexmarkEvent) => void {
  /** Of each open window, by its start: how many bids each auction has had. */
  const open = new Map<number, Map<number, number>>()
  const close = (startMs: number, counts: ReadonlyMap<number, number>) => {
    const bids = Math.max(...counts.values())
    const auctions = [...counts.keys()].filter((auction) => counts.get(auction) === bids)
    emit(startMs, { auctions: auctions.sort((a, b) => a - b), bids, windowEndMs: startMs + hotWindowMs })
  }
  return (event) => {
    if (event.kind !== 'bid') return
    const { auction, dateTime } = event.value
    for (const [startMs, counts] of open) {
      if (startMs + hotWindowMs > dateTime) break
      open.delete(startMs)
      close(startMs, counts)
    }
    const last = dateTime - (dateTime % hotAdvanceMs)
    for (let startMs = last - hotWindowMs + hotAdvanceMs; startMs <= last; startMs += hotAdvanceMs) {
      const counts = open.get(startMs) ?? new Map<number, number>()
      open.set(startMs, counts.set(auction, (counts.get(auction) ?? 0) + 1))
    }
  }
}

function highestBids(emit: Emit): (event: NexmarkEvent) => void {
  let startMs = 0
  let [price, bids]: [number, HighestBids['bids'][number][]] = [0, []]
  return (event) => {
    if (event.kind !== 'bid') return
    const { auction, bidder, dateTime } = event.value
    if (dateTime >= startMs + highestWindowMs) {
      bids.sort((a, b) => a.dateTime - b.dateTime || a.auction - b.auction)
      if (bids.length > 0) emit(startMs, { price, bids, windowEndMs: startMs + highestWindowMs })
      startMs = dateTime - (dateTime % highestWindowMs)
      ;[price, bids] = [0, []]
    }
    if (event.value.price > price) [price, bids] = [event.value.price, []]
    if (event.value.price === price) bids.push({ auction, bidder, dateTime })
  }
}

function newSellers(emit: Emit): (event: NexmarkEvent) => void {
  const names = new Map<string, string>()
  const sellers = new Set<string>()
  return (event) => {
    if (event.kind === 'bid') return
    const id = event.kind === 'person' ? event.value.id : event.value.seller
    const windowEndMs = event.value.dateTime - (event.value.dateTime % newWindowMs) + newWindowMs
    const window = `${id}@${windowEndMs}`
    const isComplete = names.has(window) && sellers.has(window)
    if (event.kind === 'person') names.set(window, event.value.name)
    else sellers.add(window)
    const name = names.get(window)
    if (!isComplete && name !== undefined && sellers.has(window)) emit(id, { id, name, windowEndMs })
  }
}
