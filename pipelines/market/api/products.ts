/** What is traded, as pages need to know it. */
export interface Product {
  /** The exchange's name of it, such as `BTC-USD`. */
  readonly product: string
  readonly symbol: string
  /** The currency of its prices. */
  readonly quote: string
  /** The smallest step between two prices; null while the exchange has not said it. */
  readonly tick: number | null
  /** For people. */
  readonly name: string
}
