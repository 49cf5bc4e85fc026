import { describe, expect, test } from 'vitest'
import { eventAt } from '../../../../scripts/bench/nexmark/events.ts'
import { nexmarkTopics } from '../../../../scripts/bench/nexmark/topics.ts'

const events = Array.from({ length: 20_000 }, (_, i) => eventAt(i))

const persons = events.flatMap((event) => (event.kind === 'person' ? [event.value] : []))
const auctions = events.flatMap((event) => (event.kind === 'auction' ? [event.value] : []))
const bids = events.flatMap((event) => (event.kind === 'bid' ? [event.value] : []))

describe('the events of Nexmark', () => {
  test('are one person, three auctions and 46 bids in 50', () => {
    expect(persons).toHaveLength(400)
    expect(auctions).toHaveLength(1_200)
    expect(bids).toHaveLength(18_400)
  })

  test('are the same whenever they are asked for, and each is another', () => {
    expect(eventAt(12_345)).toEqual(events[12_345])
    expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(events.length)
  })

  test('come in order of time, so many a second', () => {
    const timesMs = events.map(({ value }) => value.dateTime)
    expect(timesMs.toSorted((a, b) => a - b)).toEqual(timesMs)
    expect((timesMs.at(-1) as number) - (timesMs[0] as number)).toBe(1_999)
  })

  test('have ids one after the other, and name persons and auctions that are there, or soon', () => {
    expect(persons.map(({ id }) => id)).toEqual(Array.from({ length: 400 }, (_, i) => 1_000 + i))
    expect(auctions.map(({ id }) => id)).toEqual(Array.from({ length: 1_200 }, (_, i) => 1_000 + i))
    const isId = (id: number, count: number) => id >= 1_000 && id < 1_000 + count + 10
    expect(auctions.every(({ seller }) => isId(seller, 400))).toBe(true)
    expect(bids.every(({ auction, bidder }) => isId(auction, 1_200) && isId(bidder, 400))).toBe(true)
  })

  test('make half of the bids for a hot auction', () => {
    const hot = bids.filter(({ auction }) => auction % 100 === 0).length / bids.length
    expect(hot).toBeGreaterThan(0.48)
    expect(hot).toBeLessThan(0.53)
  })

  test('are read as they were written', () => {
    const topics = nexmarkTopics('')
    const [person, auction, bid] = [persons[0], auctions[0], bids[0]]
    if (!person || !auction || !bid) throw new Error('there are no events')
    expect(topics.person.value.deserialize(topics.person.value.serialize(person))).toEqual(person)
    expect(topics.auction.value.deserialize(topics.auction.value.serialize(auction))).toEqual(auction)
    expect(topics.bid.value.deserialize(topics.bid.value.serialize(bid))).toEqual(bid)
  })
})
