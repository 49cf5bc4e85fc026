import { describe, expect, test } from 'vitest'
import { readTapeEnd } from '../../../pipelines/market/resume.ts'
import type { StockTick } from '../../../pipelines/market/tables.ts'
import { positionOf, productHeaders, stockTicks, toTick } from '../../../pipelines/market/tick.ts'
import { symbolOf, type Trade } from '../../../pipelines/market/trade.ts'
import { silentLogger } from '../../../src/logger.ts'
import type { TailRecord } from '../../../src/stream/source.ts'
import type { Topic } from '../../../src/stream/topic.ts'

const headersOf = productHeaders()

function record(
  product: string,
  tradeId: number,
  partition = 0,
  partitions = 1,
): TailRecord<string, StockTick> {
  const trade: Trade = {
    product,
    symbol: symbolOf(product),
    tradeId,
    price: 1,
    size: 1,
    time: '2026-01-31T18:41:18Z',
    timestampMs: 0,
    takerSide: 'buy',
  }
  const headers = headersOf(trade)
  const value = toTick(trade, 'coinbase')
  return { key: trade.symbol, value, timestampMs: 0, partition, partitions, ...(headers && { headers }) }
}

/** Reads these, the newest first, and says how many it took. */
async function read(products: readonly string[], ...records: TailRecord<string, StockTick>[]) {
  let taken = 0
  async function* tail<K, V>(_: Topic<K, V>): AsyncIterable<TailRecord<K, V>> {
    for (const each of records) {
      taken++
      yield each as TailRecord<K, V> & TailRecord<string, StockTick>
    }
  }
  const end = await readTapeEnd({ topic: stockTicks, positionOf }, products, { tail, logger: silentLogger })
  return { end: Object.fromEntries(end), taken }
}

describe('readTapeEnd', () => {
  test('finds the newest trade of each product, and reads no further', async () => {
    const { end, taken } = await read(
      ['BTC-USD', 'ETH-USD'],
      record('BTC-USD', 9),
      record('BTC-USD', 8),
      record('ETH-USD', 5),
      record('BTC-USD', 7),
    )
    expect(end).toEqual({ 'BTC-USD': 9, 'ETH-USD': 5 })
    expect(taken).toBe(3)
  })

  test('takes no trade of another product of its symbol for its own', async () => {
    const eurosBehind = [record('BTC-EUR', 80_001), record('BTC-EUR', 80_000), record('BTC-USD', 900_000)]
    expect((await read(['BTC-GBP'], ...eurosBehind)).end).toEqual({})
    expect((await read(['BTC-EUR'], ...eurosBehind)).end).toEqual({ 'BTC-EUR': 80_001 })
    // As after a time in which it was not followed.
    expect((await read(['BTC-USD'], ...eurosBehind)).end).toEqual({ 'BTC-USD': 900_000 })
    expect((await read(['BTC-USD', 'BTC-EUR'], ...eurosBehind)).end).toEqual({
      'BTC-USD': 900_000,
      'BTC-EUR': 80_001,
    })
  })

  test('takes the newest of all partitions where some were added: the keys go on in others', async () => {
    const { end, taken } = await read(
      ['BTC-USD'],
      record('BTC-USD', 5, 0, 2),
      record('BTC-USD', 4, 0, 2),
      record('BTC-USD', 9, 1, 2),
      record('BTC-USD', 8, 1, 2),
    )
    expect(end).toEqual({ 'BTC-USD': 9 })
    expect(taken).toBe(3)
  })

  test('does not take a partition for the only one because the others are empty', async () => {
    expect((await read(['BTC-USD'], record('BTC-USD', 5, 0, 3), record('BTC-USD', 4, 0, 3))).taken).toBe(2)
  })
})
