import type { Outage } from '../api/outages.ts'
import { symbolOf } from '../trade.ts'
import type { TimeOfTrades } from './backfill.ts'
import type { TapeEvent } from './product-tapes.ts'

const outagesMax = 100
type EndedOutage = Outage & { readonly to: number }

/** Stretches of one product that are no further apart are one. */
const mergedMs = 60_000

/** When the feed was away since the program's start, and what of it was fetched later: the newest ones. */
export class FeedOutages {
  readonly #outages: EndedOutage[] = []
  /** The newest time that the exchange has said. */
  #heardMs: number | null = null
  /** That of the moment when the connection was lost; null: it is not. */
  #awayFromMs: number | null = null

  /** In the order in which they ended, and the one that is under way. */
  get list(): readonly Outage[] {
    if (this.#awayFromMs === null) return this.#outages
    return [...this.#outages, { kind: 'away', symbol: null, from: this.#awayFromMs / 1000, to: null }]
  }

  tell(event: TapeEvent): void {
    switch (event.type) {
      case 'state':
        if (event.state !== 'live') this.#awayFromMs ??= this.#heardMs
        break
      case 'heartbeat':
        this.#heard(event.timestampMs)
        break
      case 'trade':
        if (event.isNewest) this.#heard(event.trade.timestampMs)
        break
      case 'backfilled':
        if (event.span) this.#backfilled(symbolOf(event.product), event.span)
        break
    }
  }

  #heard(timestampMs: number): void {
    // A heartbeat may say no time at all.
    if (!(timestampMs > (this.#heardMs ?? 0))) return
    if (this.#awayFromMs !== null) {
      this.#add({ kind: 'away', symbol: null, from: this.#awayFromMs / 1000, to: timestampMs / 1000 })
      this.#awayFromMs = null
    }
    this.#heardMs = timestampMs
  }

  #backfilled(symbol: string, { fromMs, toMs }: TimeOfTrades): void {
    const at = this.#outages.findIndex(
      (known) =>
        known.kind === 'backfilled' &&
        known.symbol === symbol &&
        known.from * 1000 <= toMs + mergedMs &&
        known.to * 1000 >= fromMs - mergedMs,
    )
    const [known] = at < 0 ? [] : this.#outages.splice(at, 1)
    const from = Math.min(fromMs / 1000, known?.from ?? Number.POSITIVE_INFINITY)
    const to = Math.max(toMs / 1000, known?.to ?? 0)
    this.#add({ kind: 'backfilled', symbol, from, to })
  }

  #add(outage: EndedOutage): void {
    this.#outages.push(outage)
    if (this.#outages.length > outagesMax) this.#outages.shift()
  }
}
