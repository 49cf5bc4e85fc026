import { expect, test } from 'vitest'
import { marketPlanOf, simulateMarket } from '../../../scripts/simulation/market/market-simulation.ts'

test.each([1, 2])(
  'every trade that the exchange makes is in topic, candles and tables once, whatever goes wrong: seed %i',
  async (seed) => {
    const { broken, trades } = await simulateMarket(marketPlanOf(seed))
    expect(broken).toEqual([])
    expect(trades).toBeGreaterThan(300)
  },
  120_000,
)

test('does the same things under the same seed, and others under another', async () => {
  const traces: string[] = []
  for (const seed of [31, 31, 24]) traces.push((await simulateMarket(marketPlanOf(seed))).traceHash)
  const [first, again, other] = traces
  expect(again).toBe(first)
  expect(other).not.toBe(first)
}, 120_000)
