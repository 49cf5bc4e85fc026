import { RivuletError } from 'rivulet'
import { type MarketOutcome, marketPlanOf, simulateMarket } from './market-simulation.ts'

/** Rejects with `SIMULATION_FAILED` where something does not hold under a seed. */
export async function heldMarket(seed: number): Promise<MarketOutcome> {
  const plan = marketPlanOf(seed)
  const outcome = await simulateMarket(plan)
  const { broken, traceHash } = outcome
  if (broken.length === 0) return outcome
  const struck = [...plan.faults, ...plan.exchangeFaults]
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, kind, forMs }) => `${atMs} ms ${kind} ${forMs}`)
  throw new RivuletError(
    'SIMULATION_FAILED',
    `seed ${seed} (trace ${traceHash}): ${broken.join('; ')}\nfaults: ${struck.join(', ')}`,
  )
}
