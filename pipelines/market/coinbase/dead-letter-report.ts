import type { SourceContext } from 'rivulet'

/** A storm of garbage is counted, not told line by line. */
const toldMax = 10

export interface LetterPlace {
  readonly from: 'socket' | 'rest'
  readonly product?: string | undefined
  readonly tradeId?: number | undefined
}

export type ReportDeadLetter = (bytes: Buffer, reason: string, place: LetterPlace) => void

/** Hands what can't be decoded to the runtime, and says the first few in the log. */
export function deadLetterReport(context: Pick<SourceContext, 'logger' | 'deadLetter'>): ReportDeadLetter {
  let letters = 0
  return (bytes, reason, { from, product, tradeId }) => {
    letters++
    const level = letters <= toldMax ? 'warn' : 'debug'
    context.logger[level]({ product, tradeId, from, reason }, 'not decodable: it goes to the dead letters')
    context.deadLetter({
      bytes,
      reason,
      place: { from, ...(product && { product }), ...(tradeId && { trade_id: String(tradeId) }) },
    })
  }
}
