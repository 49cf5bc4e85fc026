import type { SourceContext } from 'rivulet'
import type { BackfillEvent } from './backfill.ts'
import { deadLetterReport, type ReportDeadLetter } from './dead-letter-report.ts'
import type { TapeEvent } from './product-tapes.ts'
import { StateReport } from './state-report.ts'
import type { Gap } from './trade-sequencer.ts'

/** Says to the runtime, and in the log, what has happened to the feed and to what was missing of it. */
export class SourceReport {
  readonly #context: SourceContext
  readonly #state: StateReport
  readonly #deadLetter: ReportDeadLetter
  readonly #rejections = new Map<string, string>()
  /** By product: to be called when nothing is missing of it any more. */
  readonly #repaired = new Map<string, () => void>()

  constructor(context: SourceContext) {
    this.#context = context
    this.#state = new StateReport(context)
    this.#deadLetter = deadLetterReport(context)
  }

  tell(event: TapeEvent): void {
    const context = this.#context
    switch (event.type) {
      case 'trade':
        context.messageReceived()
        this.#accepted(event.trade.product)
        break
      case 'heartbeat':
        context.messageReceived()
        this.#accepted(event.product)
        break
      case 'bad': {
        const { bytes, reason, product, tradeId } = event
        context.messageReceived()
        this.#deadLetter(bytes, reason, { product, tradeId, from: 'socket' })
        break
      }
      case 'state':
        this.#state.connection(event.state)
        break
      case 'rejected':
        for (const product of event.products) this.#rejected(product, event.reason)
        break
      case 'recovering':
        this.#state.recovering(event.product, true)
        this.#missing(event.product, event.gap)
        break
      case 'recovered':
        this.#state.recovering(event.product, false)
        this.#repaired.get(event.product)?.()
        break
      case 'backfilled':
        context.count('backfilled', event.trades)
        break
      case 'undecodable': {
        const { bytes, reason, product, tradeId } = event
        this.#deadLetter(bytes, reason, { product, tradeId, from: 'rest' })
        break
      }
      case 'gap': {
        const { product, trades, fromId, why } = event
        context.count('gaps', trades)
        if (trades > 0) {
          const toId = (fromId ?? 0) + trades - 1
          context.gap({ part: product, from: `${fromId}`, to: `${toId}`, records: trades, reason: why })
          context.logger.warn({ product, trades, fromId, toId }, `a gap of ${trades} trades stays: ${why}`)
        }
        break
      }
      case 'refuted':
        this.#refuted(event)
        break
    }
  }

  /** What REST answered is no page of trades. */
  garbage(product: string, bytes: Buffer): void {
    this.#deadLetter(bytes, 'not a page of trades', { product, from: 'rest' })
  }

  stopped(): void {
    this.#state.stopped()
  }

  /** Each connection brings it again: it is said once. */
  #rejected(product: string, reason: string): void {
    if (this.#rejections.get(product) === reason) return
    this.#rejections.set(product, reason)
    this.#context.rejected(product, reason)
  }

  /** A product that was refused comes all the same on another connection. */
  #accepted(product: string): void {
    if (this.#rejections.delete(product)) this.#context.accepted(product)
  }

  #missing(product: string, { fromId, toId }: Gap): void {
    const gap = { part: product, from: `${fromId}`, to: `${toId}`, records: toId - fromId + 1 }
    this.#repaired.set(product, this.#context.gap(gap))
  }

  #refuted({ product, trades, newestId }: Extract<BackfillEvent, { type: 'refuted' }>): void {
    this.#context.logger.warn(
      { product, newestId },
      'the exchange knows no trades as new as were announced: ignoring those',
    )
    for (const trade of trades) {
      const { tradeId } = trade
      const reason = `trade_id ${tradeId} is beyond the exchange's newest, ${newestId}`
      this.#deadLetter(Buffer.from(JSON.stringify(trade)), reason, { product, tradeId, from: 'rest' })
    }
  }
}
