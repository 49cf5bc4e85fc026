/** An answer has no more points, whatever was asked for: whoever wants all of them asks for rows, which come in pages. */
export const pointsMost = 100_000
/** Who wants more candles asks for longer ones. */
export const candlesMost = 50_000
/** As columns, each symbol has a cell for each point of any. */
const cellsMost = 5_000_000

/** How many points so many symbols may have altogether. */
export function pointsAltogether(symbols: number): number {
  return Math.min(pointsMost, Math.floor(cellsMost / Math.max(1, symbols)))
}

/** How many of them each symbol may have, by how many trades each has: as many as are wanted, if there is room for all. */
export function pointsEach(wanted: number, trades: readonly number[]): number {
  const most = pointsAltogether(trades.length)
  const points = trades.reduce((sum, of) => sum + Math.min(of, wanted), 0)
  return points <= most ? wanted : Math.floor(most / trades.length)
}
