import type { Side } from '../trade.ts'
import type { Instrument } from './instrument.ts'
import { gaussian, hash, hashText, seededRandom, uniform } from './random.ts'

const minuteMs = 60_000
/** The trades of one minute are computed together; those that were asked for last are kept. */
const minutesCached = 32
/** Wandering at many speeds at once looks like a random walk, and can be computed at any time by itself. */
const waveMinutes = [0.25, 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536]

export interface SyntheticTrade {
  readonly tradeId: number
  /** Ms since the epoch, with microseconds. */
  readonly timeMs: number
  readonly price: number
  readonly size: number
  readonly takerSide: Side
}

/**
 * All trades of one product, past and future, as a pure function of the seed and of time: whoever stops and starts
 * again finds the same trades under the same ids, which rise by 1, and what happened in between is there to fetch.
 */
export class SyntheticTape {
  readonly instrument: Instrument
  readonly #seed: number
  readonly #waves: readonly Wave[]
  readonly #minutes = new Map<number, readonly SyntheticTrade[]>()

  constructor(instrument: Instrument, seed: number) {
    this.instrument = instrument
    this.#seed = hash(seed, hashText(instrument.product))
    this.#waves = waveMinutes.map((minutes, i) => new Wave(hash(this.#seed, -1 - i), minutes))
  }

  /** The id of the newest trade at `timeMs` or before; 0 if there was none. */
  lastIdAt(timeMs: number): number {
    if (timeMs < 0) return 0
    const minute = Math.floor(timeMs / minuteMs)
    let count = 0
    for (const trade of this.minute(minute)) if (trade.timeMs <= timeMs) count++
    return minute * this.instrument.tradesPerMinute + count
  }

  /** `tradeId` is 1 or more. */
  trade(tradeId: number): SyntheticTrade {
    const { tradesPerMinute } = this.instrument
    const minute = Math.floor((tradeId - 1) / tradesPerMinute)
    return this.minute(minute)[(tradeId - 1) % tradesPerMinute] as SyntheticTrade
  }

  /** The trades of one minute since the epoch, in order. */
  minute(minute: number): readonly SyntheticTrade[] {
    const cached = this.#minutes.get(minute)
    if (cached) return cached
    const trades = this.#compute(minute)
    for (const oldest of this.#minutes.keys()) {
      if (this.#minutes.size < minutesCached) break
      this.#minutes.delete(oldest)
    }
    this.#minutes.set(minute, trades)
    return trades
  }

  #compute(minute: number): readonly SyntheticTrade[] {
    const { tradesPerMinute, priceDecimals } = this.instrument
    const random = seededRandom(hash(this.#seed, minute))
    const tick = 10 ** -priceDecimals
    let takerSide: Side = 'buy'
    let timeMs = -1
    return burstTimes(tradesPerMinute, random).map((offsetMs, i) => {
      // One taker's order is often filled by several makers: same time, same side.
      if (i === 0 || random() > 0.3) {
        timeMs = minute * minuteMs + offsetMs
        takerSide = random() < 0.5 ? 'buy' : 'sell'
      }
      const spread = (takerSide === 'buy' ? 1 : -1) * tick * random()
      const price = Math.max(tick, roundTo(this.#middle(timeMs) + spread, priceDecimals))
      return { tradeId: minute * tradesPerMinute + i + 1, timeMs, price, size: this.#size(random), takerSide }
    })
  }

  #size(random: () => number): number {
    const { medianSize, sizeDecimals } = this.instrument
    const size = medianSize * Math.exp(1.3 * gaussian(random))
    return Math.max(10 ** -sizeDecimals, roundTo(size, sizeDecimals))
  }

  #middle(timeMs: number): number {
    const { basePrice, volatility } = this.instrument
    let wander = 0
    for (const wave of this.#waves) wander += wave.at(timeMs)
    return basePrice * Math.exp(volatility * wander)
  }
}

/** Smooth noise, random once in so many minutes, with soft steps in between; as high as a random walk goes in that time. */
class Wave {
  readonly #seed: number
  readonly #periodMs: number
  readonly #height: number
  #step = Number.NaN
  #from = 0
  #to = 0

  constructor(seed: number, minutes: number) {
    this.#seed = seed
    this.#periodMs = minutes * minuteMs
    this.#height = Math.sqrt(minutes)
  }

  at(timeMs: number): number {
    const steps = timeMs / this.#periodMs
    const step = Math.floor(steps)
    // Neighbouring trades mostly share it.
    if (step !== this.#step) {
      this.#step = step
      this.#from = 2 * uniform(this.#seed, step) - 1
      this.#to = 2 * uniform(this.#seed, step + 1) - 1
    }
    const part = steps - step
    return this.#height * (this.#from + (this.#to - this.#from) * part * part * (3 - 2 * part))
  }
}

/** Ascending offsets within a minute, in ms with microseconds: trades come in bursts. */
function burstTimes(count: number, random: () => number): readonly number[] {
  const centres = Array.from({ length: Math.ceil(count / 4) }, () => random() * minuteMs)
  const times = Array.from({ length: count }, () => {
    const centre = centres[Math.floor(random() * centres.length)] ?? 0
    const offset = centre - 400 * Math.log(1 - random())
    return Math.floor((offset % minuteMs) * 1000) / 1000
  })
  return times.sort((a, b) => a - b)
}

function roundTo(value: number, decimals: number): number {
  const scale = 10 ** decimals
  return Math.round(value * scale) / scale
}
