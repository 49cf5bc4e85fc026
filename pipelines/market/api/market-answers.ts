import type { Context } from 'hono'
import type { Clock } from 'rivulet'
import { type Answer, AnswerCache, badParameter } from 'rivulet/app'
import { encodeCursor, reaches } from './cursor.ts'
import type { Cursor, MarketQueries } from './market-queries.ts'
import type { MarketLabel } from './pages.ts'

const minuteMs = 60_000
const positionSharedMs = 250
const cachedBytesMax = 16 * 1024 * 1024

export interface MarketAnswersOptions {
  readonly market: MarketLabel
  readonly queries: MarketQueries
  readonly clock: Clock
}

/** What all routes of a market share: where its table stands, what now is in it, and answers that are good as long as it stands. */
export class MarketAnswers {
  readonly #options: MarketAnswersOptions
  readonly #cache = new AnswerCache({ bytesMax: cachedBytesMax })
  #asking: { readonly position: Promise<Cursor>; readonly sinceMs: number } | null = null
  /** Of the version of the table that was asked about last. */
  #newest: { readonly version: string; readonly ms: Promise<number | null> } | null = null

  constructor(options: MarketAnswersOptions) {
    this.#options = options
  }

  /**
   * Where the table of ticks stands. Who asks while it is being asked for gets the same answer: many pages cost as much as
   * a few. Not so when it hangs: then a database that is back would not be noticed.
   */
  position(): Promise<Cursor> {
    const { clock, queries } = this.#options
    if (this.#asking && clock.now() - this.#asking.sinceMs < positionSharedMs) return this.#asking.position
    const asked = { position: queries.position(), sinceMs: clock.now() }
    this.#asking = asked
    const forget = () => {
      if (this.#asking === asked) this.#asking = null
    }
    asked.position.then(forget, forget)
    return asked.position
  }

  /** The same for who has a cursor of it. Throws a `BAD_REQUEST` that names `parameter` when the table ends before it. */
  async positionBehind(cursor: Cursor | null, parameter: string): Promise<Cursor> {
    const position = await this.position()
    if (cursor === null || reaches(position, cursor)) return position
    // One that was asked for before this request came may be older than its cursor.
    const newer = await this.#options.queries.position()
    if (reaches(newer, cursor)) return newer
    throw badParameter(parameter, 'is ahead of the data: it is not a cursor of this market')
  }

  /** From the cache while the table of ticks stands where it stood. */
  async read(
    path: string,
    question: readonly unknown[],
    ask: () => Promise<unknown>,
    position?: Cursor,
  ): Promise<Answer> {
    const version = encodeCursor(position ?? (await this.position()))
    return this.#cache.get(JSON.stringify([path, ...question]), version, async () => jsonOf(await ask()))
  }

  /** Answers with what `read` gives. */
  async send(
    context: Context,
    question: readonly unknown[],
    ask: () => Promise<unknown>,
    position?: Cursor,
  ): Promise<Response> {
    return sendAnswer(context, await this.read(context.req.path, question, ask, position))
  }

  /** What "now" is: in a replayed market its newest trade, ms since the epoch. Null: it has none yet. */
  async nowMs(): Promise<number | null> {
    const { market, clock } = this.#options
    return market.kind === 'replayed' ? this.#newestMs() : clock.now()
  }

  /** Asked for once while the table stands, however many ask. */
  async #newestMs(): Promise<number | null> {
    const version = encodeCursor(await this.position())
    if (this.#newest?.version === version) return this.#newest.ms
    const asked = { version, ms: this.#options.queries.newestMs() }
    this.#newest = asked
    asked.ms.catch(() => {
      if (this.#newest === asked) this.#newest = null
    })
    return asked.ms
  }

  /**
   * So many minutes before now; null: no limit. Live, it is cut to a full second, so that those who ask within one second
   * are answered by one query.
   */
  async sinceMs(minutes: number): Promise<number | null> {
    if (minutes === 0) return null
    const nowMs = await this.nowMs()
    if (nowMs === null) return null
    const { kind } = this.#options.market
    return (kind === 'replayed' ? nowMs : Math.floor(nowMs / 1000) * 1000) - minutes * minuteMs
  }
}

export function sendAnswer(context: Context, { json, etag }: Answer): Response {
  return context.body(json, 200, { 'content-type': 'application/json', etag })
}

function jsonOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
