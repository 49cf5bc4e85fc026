import { hashText } from './random.ts'

/** How one product of a synthetic market behaves. */
export interface Instrument {
  readonly product: string
  /** Around which the price wanders. */
  readonly basePrice: number
  readonly priceDecimals: number
  readonly sizeDecimals: number
  readonly medianSize: number
  /** Exactly so many in each minute, in bursts: that is what makes ids a function of time. */
  readonly tradesPerMinute: number
  /** Standard deviation of a minute's relative change. */
  readonly volatility: number
}

/** About 11 trades a second in all. */
export const cryptoInstruments: readonly Instrument[] = [
  instrument('BTC-USD', 77_000, 2, 8, 0.004, 240),
  instrument('ETH-USD', 2_600, 2, 8, 0.06, 180),
  instrument('SOL-USD', 118, 2, 8, 1.2, 120),
  instrument('XRP-USD', 1.7, 4, 6, 90, 90),
  instrument('DOGE-USD', 0.11, 5, 1, 900, 60),
]

export const stockInstruments: readonly Instrument[] = [
  instrument('AAPL', 230, 2, 0, 40, 60, 0.0002),
  instrument('AMZN', 225, 2, 0, 40, 60, 0.0002),
  instrument('GOOGL', 190, 2, 0, 50, 60, 0.0002),
  instrument('META', 640, 2, 0, 15, 60, 0.0002),
  instrument('MSFT', 430, 2, 0, 25, 60, 0.0002),
]

/** How often made-up instruments trade: some of them rarely. */
const madeUpTradesPerMinute = [60, 20, 6] as const

/** The instrument of that name, or one made up from it: any product can be simulated. */
export function instrumentOf(product: string, known: readonly Instrument[]): Instrument {
  const hash = hashText(product)
  const basePrice = 1 + (hash % 20_000) / 100
  const tradesPerMinute = madeUpTradesPerMinute[hash % madeUpTradesPerMinute.length] ?? 60
  return (
    known.find((each) => each.product === product) ??
    instrument(product, basePrice, 2, 6, 100 / basePrice, tradesPerMinute)
  )
}

function instrument(
  product: string,
  basePrice: number,
  priceDecimals: number,
  sizeDecimals: number,
  medianSize: number,
  tradesPerMinute: number,
  volatility = 0.0004,
): Instrument {
  return { product, basePrice, priceDecimals, sizeDecimals, medianSize, tradesPerMinute, volatility }
}
