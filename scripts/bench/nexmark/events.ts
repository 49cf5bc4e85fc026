import { Dice } from './dice.ts'

/** Somebody who sells or bids. The names of all fields are Nexmark's. */
export interface Person {
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  /** Ms since the epoch. */
  readonly dateTime: number
  readonly extra: string
}

export interface Auction {
  readonly id: number
  readonly itemName: string
  readonly description: string
  /** Cents, as all prices. */
  readonly initialBid: number
  readonly reserve: number
  /** Ms since the epoch. */
  readonly dateTime: number
  /** Ms since the epoch. */
  readonly expires: number
  /** The id of a person, who may come later. */
  readonly seller: number
  readonly category: number
  readonly extra: string
}

export interface Bid {
  /** The id of an auction, which may come later. */
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  /** Ms since the epoch. */
  readonly dateTime: number
  readonly extra: string
}

export type NexmarkEvent =
  | { readonly kind: 'person'; readonly value: Person }
  | { readonly kind: 'auction'; readonly value: Auction }
  | { readonly kind: 'bid'; readonly value: Bid }

/** Of 50 events the first is a person, the next three are auctions, the rest are bids. */
const [personsOfRound, auctionsOfRound, eventsOfRound] = [1, 3, 50]
const firstId = 1_000
const [firstCategory, categories] = [10, 5]
/** Those who are active are the last ones; ids may run ahead of who is there by so much. */
const [activePersons, activeAuctions, idLead] = [1_000, 100, 10]
/** The first one of so many is the hot one. */
const hotOneOf = 100
const startMs = Date.UTC(2026, 0, 1)
const bytesOf = { person: 200, auction: 500, bid: 100 }

const firstNames = wordsOf('Peter Paul Luke John Saul Vicky Kate Julie Sarah Deiter Walter')
const lastNames = wordsOf('Shultz Abrams Spencer White Bartels Walton Smith Jones Noris')
const states = wordsOf('AZ CA ID OR WA WY')
const cities = [
  'Los Angeles',
  'San Francisco',
  ...wordsOf('Phoenix Boise Portland Bend Redmond Seattle Kent Cheyenne'),
]
const hotChannels = wordsOf('Google Facebook Baidu Apple')
const [channels, coldChannelOneIn] = [10_000, 2]
const [coldAuctionOneIn, coldSellerOneIn, coldBidderOneIn] = [2, 4, 4]

/**
 * The `i`-th event of an auction house: the same whenever it is asked for, in order of time. Proportions, ids, hot ones,
 * prices and sizes are Nexmark's; the random texts are not. Source: Apache Beam's `NexmarkGenerator`.
 */
export function eventAt(i: number, eventsPerS = 10_000): NexmarkEvent {
  const dice = new Dice(i)
  const dateTime = startMs + Math.floor((i * 1_000) / eventsPerS)
  const place = i % eventsOfRound
  if (place < personsOfRound) return { kind: 'person', value: personAt(i, dice, dateTime) }
  if (place < personsOfRound + auctionsOfRound)
    return { kind: 'auction', value: auctionAt(i, dice, dateTime, eventsPerS) }
  return { kind: 'bid', value: bidAt(i, dice, dateTime) }
}

function personAt(i: number, dice: Dice, dateTime: number): Person {
  const creditCard = Array.from({ length: 4 }, () => String(1_000 + dice.below(9_000))).join(' ')
  const person = {
    id: firstId + lastPerson(i),
    name: `${dice.oneOf(firstNames)} ${dice.oneOf(lastNames)}`,
    emailAddress: `${dice.text(7)}@${dice.text(5)}.com`,
    creditCard,
    city: dice.oneOf(cities),
    state: dice.oneOf(states),
    dateTime,
  }
  const { name, emailAddress, city, state } = person
  const size = 16 + name.length + emailAddress.length + creditCard.length + city.length + state.length
  return { ...person, extra: extraOf(dice, bytesOf.person - size) }
}

function auctionAt(i: number, dice: Dice, dateTime: number, eventsPerS: number): Auction {
  const isHot = dice.isNotOneIn(coldSellerOneIn)
  const initialBid = priceOf(dice)
  const [nameLength, descriptionLength] = [20, 100]
  // Until about as many auctions have come as are active at a time, so that bids are for some that are open.
  const horizonMs = ((activeAuctions * eventsOfRound) / auctionsOfRound / eventsPerS) * 1_000
  return {
    id: firstId + lastAuction(i),
    itemName: dice.text(nameLength),
    description: dice.text(descriptionLength),
    initialBid,
    reserve: initialBid + priceOf(dice),
    dateTime,
    expires: dateTime + 1 + dice.below(Math.max(1, Math.floor(horizonMs * 2))),
    seller: firstId + (isHot ? hotOf(lastPerson(i)) : anyPerson(i, dice)),
    category: firstCategory + dice.below(categories),
    extra: extraOf(dice, bytesOf.auction - 56 - nameLength - descriptionLength),
  }
}

function bidAt(i: number, dice: Dice, dateTime: number): Bid {
  const auction = dice.isNotOneIn(coldAuctionOneIn) ? hotOf(lastAuction(i)) : anyAuction(i, dice)
  // The second one, so that hot bidders are not the hot sellers.
  const bidder = dice.isNotOneIn(coldBidderOneIn) ? hotOf(lastPerson(i)) + 1 : anyPerson(i, dice)
  const price = priceOf(dice)
  const n = dice.below(channels)
  const isHotChannel = dice.isNotOneIn(coldChannelOneIn)
  const url = `https://www.nexmark.com/${dice.text(5)}/${dice.text(5)}/${dice.text(5)}/item.htm?query=1`
  return {
    auction: firstId + auction,
    bidder: firstId + bidder,
    price,
    channel: isHotChannel ? dice.oneOf(hotChannels) : `channel-${n}`,
    url: isHotChannel ? url : `${url}&channel_id=${n}`,
    dateTime,
    extra: extraOf(dice, bytesOf.bid - 32),
  }
}

/** The newest person when event `i` comes, counted from 0. */
function lastPerson(i: number): number {
  return Math.floor(i / eventsOfRound) * personsOfRound + Math.min(i % eventsOfRound, personsOfRound - 1)
}

/** The newest auction when event `i` comes, counted from 0; below 0: there is none yet. */
function lastAuction(i: number): number {
  const place = Math.min((i % eventsOfRound) - personsOfRound, auctionsOfRound - 1)
  return Math.floor(i / eventsOfRound) * auctionsOfRound + place
}

function anyPerson(i: number, dice: Dice): number {
  const persons = lastPerson(i) + 1
  const active = Math.min(persons, activePersons)
  return persons - active + dice.below(active + idLead)
}

function anyAuction(i: number, dice: Dice): number {
  const last = lastAuction(i)
  const oldest = Math.max(0, last - activeAuctions)
  return oldest + dice.below(last - oldest + 1 + idLead)
}

function hotOf(last: number): number {
  return Math.floor(last / hotOneOf) * hotOneOf
}

/** In cents, from one to a million: small ones are as likely as large ones, by their number of digits. */
function priceOf(dice: Dice): number {
  return Math.round(10 ** (dice.fraction() * 6) * 100)
}

/** What makes a record about as large as it should be. */
function extraOf(dice: Dice, length: number): string {
  if (length <= 0) return ''
  const vary = Math.round(length * 0.2)
  return dice.text(length - vary + dice.below(2 * vary + 1))
}

function wordsOf(text: string): readonly string[] {
  return text.split(' ')
}
