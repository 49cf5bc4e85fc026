import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { messageOf, RivuletError } from 'rivulet'
import { decodeMessage, isFields, type Message } from '../coinbase/message.ts'
import { opposite } from '../trade.ts'
import type { ExchangeTrade } from './market.ts'

/** A line without an end is no recording. */
const lineBytesMax = 16 * 1024 * 1024

export interface RecordedLine {
  readonly bytes: Buffer
  readonly offset: number
  /** From 1. */
  readonly number: number
}

/** Where the trades of one product stand, ascending by id; each id once, where it came first. */
interface ProductIndex {
  readonly ids: Float64Array
  readonly lines: Float64Array
  readonly offsets: Float64Array
  readonly lengths: Float64Array
}

/**
 * A recording on disk, one JSON message a line in the order of arrival. Only an index of its trades is in memory
 * (32 bytes a trade), so that a long one can be replayed.
 */
export class Recording {
  readonly products: readonly string[]
  /** The products that have heartbeats. */
  readonly heartbeats: ReadonlySet<string>
  /** How many it has. */
  readonly lineCount: number
  readonly #path: string
  readonly #file: number
  readonly #indexes: ReadonlyMap<string, ProductIndex>

  private constructor(
    path: string,
    indexes: ReadonlyMap<string, ProductIndex>,
    heartbeats: ReadonlySet<string>,
    lineCount: number,
  ) {
    this.#path = path
    this.#file = openSync(path, 'r')
    this.#indexes = indexes
    this.products = [...indexes.keys()]
    this.heartbeats = heartbeats
    this.lineCount = lineCount
  }

  /** Throws `BAD_CONFIG` when the file can't be read or has no trade in it. */
  static async open(path: string): Promise<Recording> {
    const found = new Map<string, Map<number, readonly [line: number, offset: number, length: number]>>()
    const heartbeats = new Set<string>()
    let lineCount = 0
    for await (const { bytes, offset, number } of readLines(path)) {
      lineCount = number
      const message = decodeMessage(bytes)
      if (message.type === 'heartbeat') heartbeats.add(message.product)
      if (message.type !== 'trade') continue
      const { product, tradeId } = message.trade
      const trades = found.get(product) ?? new Map()
      found.set(product, trades)
      if (!trades.has(tradeId)) trades.set(tradeId, [number, offset, bytes.length])
    }
    if (found.size === 0) throw unusable(path, 'there is no trade in it')
    const indexes = new Map<string, ProductIndex>()
    for (const [product, trades] of found) {
      const ids = Float64Array.from(trades.keys()).sort()
      const column = (at: 0 | 1 | 2) => ids.map((id) => trades.get(id)?.[at] ?? 0)
      indexes.set(product, { ids, lines: column(0), offsets: column(1), lengths: column(2) })
    }
    return new Recording(path, indexes, heartbeats, lineCount)
  }

  lines(): AsyncIterable<RecordedLine> {
    return readLines(this.#path)
  }

  /** Newest first: trades with `afterId < id < beforeId` that came up to line `lineMax`, at most `limit`. */
  *trades(
    product: string,
    { beforeId, afterId, lineMax }: { beforeId: number; afterId: number; lineMax: number },
  ): Iterable<ExchangeTrade> {
    const index = this.#indexes.get(product)
    if (!index) return
    for (let i = lowerBound(index.ids, beforeId) - 1; i >= 0 && (index.ids[i] ?? 0) > afterId; i--) {
      if ((index.lines[i] ?? 0) > lineMax) continue
      const bytes = Buffer.alloc(index.lengths[i] ?? 0)
      readSync(this.#file, bytes, 0, bytes.length, index.offsets[i] ?? 0)
      const trade = exchangeTradeOf(bytes)
      if (trade) yield trade
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** The trade of a `match`, `last_match` or `ticker`, with its numbers as they were written. */
function exchangeTradeOf(bytes: Buffer): ExchangeTrade | undefined {
  const message: Message = decodeMessage(bytes)
  if (message.type !== 'trade') return undefined
  const fields: unknown = JSON.parse(bytes.toString())
  if (!isFields(fields)) return undefined
  const { product, tradeId, time, takerSide } = message.trade
  return {
    product,
    tradeId,
    price: String(fields.price),
    size: String(fields.size ?? fields.last_size),
    time,
    makerSide: opposite(takerSide),
  }
}

/** The lines of a file as bytes, without their ends; empty ones are left out. */
async function* readLines(path: string): AsyncIterable<RecordedLine> {
  let rest = Buffer.alloc(0)
  let offset = 0
  let number = 0
  const line = (bytes: Buffer): RecordedLine => {
    number++
    return { bytes: bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes, offset, number }
  }
  try {
    for await (const part of createReadStream(path)) {
      let bytes: Buffer = rest.length > 0 ? Buffer.concat([rest, part]) : part
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
        if (end > 0) yield line(bytes.subarray(0, end))
        bytes = bytes.subarray(end + 1)
        offset += end + 1
      }
      if (bytes.length > lineBytesMax) throw unusable(path, `a line has more than ${lineBytesMax} bytes`)
      rest = Buffer.from(bytes)
    }
  } catch (error) {
    throw error instanceof RivuletError ? error : unusable(path, messageOf(error))
  }
  if (rest.length > 0) yield line(rest)
}

function unusable(path: string, why: string): RivuletError {
  return new RivuletError('BAD_CONFIG', `the recording ${path} can't be replayed: ${why}`, {
    place: { parameter: '--replay', path },
  })
}

/** The index of the first id that is not below `id`. */
function lowerBound(ids: Float64Array, id: number): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ids[middle] ?? 0) < id) low = middle + 1
    else high = middle
  }
  return low
}
