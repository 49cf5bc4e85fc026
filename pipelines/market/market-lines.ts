import type { Running } from 'rivulet'
import type { TerminalLines } from 'rivulet/app'
import type { OpenCandle } from './api/candles.ts'
import { openCandles } from './open-candles.ts'
import type { OpenMarket } from './open-market.ts'

const priceFormat = new Intl.NumberFormat('en', { maximumSignificantDigits: 8 })

/** What a terminal shows of a market: the newest prices, and how far a replay has come. */
export function marketLines({
  running,
  prepared: { replay },
}: {
  readonly running: Running
  readonly prepared: Pick<OpenMarket, 'replay'>
}): TerminalLines {
  const prices = newestPrices(openCandles(running))
  return {
    ...(prices.length > 0 && { lines: [prices.join(' · ')] }),
    ...(replay && { progress: [replay()] }),
  }
}

/** Of each symbol, in the order of their names. */
export function newestPrices(
  candles: readonly Pick<OpenCandle, 'symbol' | 'window_start' | 'close'>[],
): string[] {
  const inOrder = candles.toSorted((a, b) => a.window_start.localeCompare(b.window_start))
  const newest = new Map(inOrder.map(({ symbol, close }) => [symbol, close]))
  return [...newest].map(([symbol, price]) => `${symbol} ${priceFormat.format(price)}`).toSorted()
}
