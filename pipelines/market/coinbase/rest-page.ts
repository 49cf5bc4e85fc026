import type { Trade } from '../trade.ts'
import { type BadTrade, decodeTrade, isTradeId } from './decode-trade.ts'
import { frameBytesMax, isFields } from './message.ts'

export interface RestPage {
  /** Ascending by id. */
  readonly trades: readonly Trade[]
  readonly bad: readonly (BadTrade & { readonly bytes: Buffer })[]
  /** The highest id that could be read, of bad trades too; 0 for an empty page. */
  readonly newestId: number
}

/** What a page was asked for. */
export interface RestPageAsked {
  readonly product: string
  /** Whatever is beyond it was not asked for, and does not count. */
  readonly toId: number
}

/**
 * Decodes the answer of `GET /products/{id}/trades`; undefined if it is no such thing. A trade after `latestMs` is bad.
 * Never throws.
 */
export function decodeRestPage(
  { product, toId }: RestPageAsked,
  bytes: Buffer,
  latestMs: number,
): RestPage | undefined {
  let rows: unknown
  try {
    rows = JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
  if (!Array.isArray(rows)) return undefined
  const trades: Trade[] = []
  const bad: (BadTrade & { bytes: Buffer })[] = []
  let newestId = 0
  for (const row of rows) {
    const fields = isFields(row) ? row : {}
    if (isTradeId(fields.trade_id)) {
      if (fields.trade_id > toId) continue
      newestId = Math.max(newestId, fields.trade_id)
    }
    const decoded = decodeTrade(
      {
        product,
        tradeId: fields.trade_id,
        price: fields.price,
        size: fields.size,
        time: fields.time,
        side: fields.side,
        sideOf: 'maker',
      },
      latestMs,
    )
    if ('trade' in decoded) trades.push(decoded.trade)
    else bad.push({ ...decoded.bad, bytes: rowBytes(row) ?? bytes.subarray(0, frameBytesMax) })
  }
  trades.sort((a, b) => a.tradeId - b.tradeId)
  return { trades, bad, newestId }
}

/** Undefined where they would not fit into a dead letter, or the row is nested too deep to be written at all. */
function rowBytes(row: unknown): Buffer | undefined {
  try {
    const bytes = Buffer.from(JSON.stringify(row))
    return bytes.length > frameBytesMax ? undefined : bytes
  } catch {
    return undefined
  }
}
