import assert from 'node:assert/strict'
import { candle, minuteCandle } from '../../../pipelines/market/candle.ts'
import { frameBytesMax } from '../../../pipelines/market/coinbase/message.ts'
import { stockTicks, toTick } from '../../../pipelines/market/tick.ts'
import type { Trade } from '../../../pipelines/market/trade.ts'

/** What the columns of the tables can hold, ms since the epoch. */
const earliestMs = Date.UTC(1900, 0, 1)
const latestMs = Date.UTC(2200, 0, 1)
/** Kafka takes no larger record by default; the reason and the place of a dead letter are to fit in, too. */
const letterBytesMax = 900_000

/** A trade that has come through is one for each of the edges behind: topic, candles and tables. */
export function holdsForNextEdges(trade: Trade, notAfterMs: number): void {
  const tick = toTick(trade, 'coinbase')
  assert.deepEqual(stockTicks.value.deserialize(stockTicks.value.serialize(tick)), tick)
  const { timestampMs } = trade
  assert.ok(Number.isSafeInteger(timestampMs) && timestampMs >= 0 && timestampMs <= notAfterMs)
  assert.ok(timestampMs >= earliestMs && timestampMs < latestMs)
  assert.equal(new Date(timestampMs).toISOString().slice(0, 19), trade.time.slice(0, 19))
  const once = candle.aggregator(candle.initializer(), tick, tick.symbol)
  const twice = once && candle.aggregator(once, tick, tick.symbol)
  assert.ok(twice)
  for (const [name, value] of Object.entries(minuteCandle(twice)))
    assert.ok(Number.isFinite(value), `${name} is ${value}`)
}

/** What has not come through can be put away. */
export function canBePutAway({ bytes, reason }: { readonly bytes: Buffer; readonly reason: string }): void {
  assert.ok(bytes.length <= frameBytesMax)
  assert.ok(reason.length > 0 && bytes.length + reason.length < letterBytesMax)
}
