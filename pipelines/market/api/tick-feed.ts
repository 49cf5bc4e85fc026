import { backoffMs, type Clock, type Logger, messageOf } from 'rivulet'
import { firstValueFrom, fromEvent, merge, Subject } from 'rxjs'
import { encodeCursor, reaches } from './cursor.ts'
import type { Cursor, MarketQueries, Symbols, Tick } from './market-queries.ts'

export interface TickFeedOptions {
  readonly queries: MarketQueries
  readonly clock: Clock
  readonly logger: Logger
  /** How often the table is asked whether it grew, while anybody listens. Default 250. */
  readonly pollMs?: number
  /** How long a listener waits for ticks before it is told that there are none. Default 10,000. */
  readonly idleMs?: number
  /** The newest ticks, kept for those who keep up; who falls behind further reads the table. Default 20,000. */
  readonly keptTicksMax?: number
}

/** Ticks and the cursor behind them; no ticks: nothing came for `idleMs`. */
export interface TickBatch {
  readonly ticks: readonly Tick[]
  readonly cursor: Cursor
}

interface Link extends TickBatch {
  readonly from: string
}

const batchTicksMax = 500
const retryPolicy = { initialMs: 250, waitMsMax: 5_000 }

/**
 * The table's growth, read once for all listeners. What was read is a chain of links from cursor to cursor: a listener
 * at a link's start takes the link; one that is elsewhere (it resumed, or was slow and its links are gone) reads the
 * table itself, no further than the chain's end, and so is back on the chain. A listener holds a cursor and no buffer.
 */
export class TickFeed {
  readonly #options: Required<TickFeedOptions>
  readonly #links = new Map<string, Link>()
  readonly #grown$ = new Subject<void>()
  #keptTicks = 0
  #end: Cursor | null = null
  #listeners = 0
  #polling: AbortController | null = null

  constructor(options: TickFeedOptions) {
    this.#options = { pollMs: 250, idleMs: 10_000, keptTicksMax: 20_000, ...options }
  }

  get listeners(): number {
    return this.#listeners
  }

  /** How many ticks are held in memory. */
  get keptTicks(): number {
    return this.#keptTicks
  }

  /**
   * Every tick behind `from` once, each symbol's in the order of the topic, until the signal is aborted. While the
   * database is away it waits. Nothing is read before it is asked for.
   */
  async *listen(from: Cursor, symbols: Symbols, signal: AbortSignal): AsyncGenerator<TickBatch, void, void> {
    this.#enter()
    try {
      let cursor = from
      let next: Promise<TickBatch> | null = null
      while (!signal.aborted) {
        next ??= this.#next(cursor, symbols, signal)
        const batch = await this.#withinIdleTime(next, signal)
        if (batch !== null) {
          next = null
          cursor = batch.cursor
        }
        if (batch === null || batch.ticks.length > 0) yield batch ?? { ticks: [], cursor }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#leave()
    }
  }

  async #next(cursor: Cursor, symbols: Symbols, signal: AbortSignal): Promise<TickBatch> {
    for (let failures = 0; ; ) {
      signal.throwIfAborted()
      const link = this.#links.get(encodeCursor(cursor))
      if (link) {
        const ticks =
          symbols === null ? link.ticks : link.ticks.filter(({ symbol }) => symbols.includes(symbol))
        return { ticks, cursor: link.cursor }
      }
      const end = this.#end
      if (end === null || !reaches(end, cursor) || reaches(cursor, end)) {
        await firstValueFrom(merge(this.#grown$, fromEvent(signal, 'abort')))
        continue
      }
      try {
        return await this.#options.queries.ticksAfter(cursor, symbols, batchTicksMax, end)
      } catch (error) {
        await this.#waitAfter(error, ++failures, signal)
      }
    }
  }

  /** Null when nothing came in time; `next` goes on and may be asked again. */
  async #withinIdleTime(next: Promise<TickBatch>, signal: AbortSignal): Promise<TickBatch | null> {
    const waiting = new AbortController()
    const idle = this.#options.clock
      .sleep(this.#options.idleMs, AbortSignal.any([signal, waiting.signal]))
      .then(() => null)
    idle.catch(() => {})
    next.catch(() => {})
    try {
      return await Promise.race([next, idle])
    } finally {
      waiting.abort()
    }
  }

  #enter(): void {
    if (this.#listeners++ > 0) return
    this.#polling = new AbortController()
    this.#poll(this.#polling.signal).catch((error) => {
      if (!(error instanceof DOMException))
        this.#options.logger.error({ err: error }, 'The tick feed stopped')
    })
  }

  #leave(): void {
    if (--this.#listeners > 0) return
    this.#polling?.abort()
    this.#end = null
    this.#links.clear()
    this.#keptTicks = 0
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { queries, clock, pollMs } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      try {
        const position = await queries.position()
        const end = this.#end
        if (signal.aborted) return
        if (end === null) {
          this.#end = position
          this.#grown$.next()
        } else if (!reaches(end, position)) {
          const { ticks, cursor } = await queries.ticksAfter(end, null, batchTicksMax, position)
          if (signal.aborted) return
          this.#append({ from: encodeCursor(end), ticks, cursor })
          failures = 0
          if (ticks.length === batchTicksMax) continue
        }
        failures = 0
        await clock.sleep(pollMs, signal)
      } catch (error) {
        await this.#waitAfter(error, ++failures, signal)
      }
    }
  }

  #append(link: Link): void {
    this.#links.set(link.from, link)
    this.#keptTicks += link.ticks.length
    for (const [from, { ticks }] of this.#links) {
      if (this.#keptTicks <= this.#options.keptTicksMax) break
      this.#links.delete(from)
      this.#keptTicks -= ticks.length
    }
    this.#end = link.cursor
    this.#grown$.next()
  }

  async #waitAfter(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (failures === 1) this.#options.logger.warn(`The tick feed waits for the tables: ${messageOf(error)}`)
    const { clock } = this.#options
    await clock.sleep(backoffMs(retryPolicy, failures, clock), signal)
  }
}
