/** A stretch of time of which charts say that not all was seen as it happened. */
export interface Outage {
  /** `away`: nothing came from the exchange; `backfilled`: what was missed was fetched later. */
  readonly kind: 'away' | 'backfilled'
  /** Null: all of them. */
  readonly symbol: string | null
  /** In the exchange's time, s since the epoch. */
  readonly from: number
  /** Null: it is still under way. */
  readonly to: number | null
}
