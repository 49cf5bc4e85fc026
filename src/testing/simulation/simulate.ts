import { RivuletError } from '../../errors.ts'
import { silentLogger } from '../../logger.ts'
import type { Topology } from '../../stream/topology.ts'
import type { DeploymentOptions } from './deployment.ts'
import { defaultRates, type FaultRates, planFaults } from './faults.ts'
import { seededRandom } from './seeded-random.ts'
import { type Outcome, type Plan, runPlan, type SimulatedRecord } from './simulation.ts'

/** What is written, what goes wrong, and how often. */
export interface SimulateOptions {
  /** Which seeds, or how many from 1 on. */
  readonly seeds: number | readonly number[]
  /** What is written to the topology's inputs, and when; the same dice must give the same records. */
  records(random: () => number): readonly SimulatedRecord[]
  /** How many faults of each kind to expect in a minute; those that are not named are as often as by default. */
  readonly faults?: Partial<FaultRates>
  /** How many run at the same time. Default 2. */
  readonly instances?: number
  /** As `run` is given it; default: its defaults. */
  readonly environment?: DeploymentOptions['environment']
}

/** What has been simulated. */
export interface SimulationReport {
  /** How many. */
  readonly seeds: number
  /** Of all of them together. */
  readonly virtualMs: number
  /** That went over the network, of all of them together. */
  readonly messages: number
}

/**
 * Puts a topology to crashes, frozen processes, and connections that end, stall or lose answers: several instances and a
 * broker run in this thread on virtual time, and when the faults are over they must have written what the test driver writes
 * of the same records. A seed does the same things each time, in any process. Rejects with `SIMULATION_FAILED` at the first
 * seed that fails, and says which one.
 *
 * @example
 * ```ts
 * await simulate(wordCount, {
 *   seeds: 100,
 *   records: (random) =>
 *     Array.from({ length: 50 }, (_, i) => ({
 *       topic: lines, key: 'poem', value: random() < 0.5 ? 'so' : 'much', timestampMs: i, atMs: i * 500,
 *     })),
 * })
 * ```
 */
export async function simulate(topology: Topology, options: SimulateOptions): Promise<SimulationReport> {
  const { seeds, instances = 2, environment = {} } = options
  const chosen = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds
  const report = { seeds: 0, virtualMs: 0, messages: 0 }
  for (const seed of chosen) {
    const plan = planOf(seed, options)
    const outcome = await runPlan({ topology, instances, environment, logger: silentLogger }, plan)
    if (outcome.broken.length > 0) throw failureOf(plan, outcome)
    report.seeds++
    report.virtualMs += outcome.virtualMs
    report.messages += outcome.messages
  }
  return report
}

/** What happens under a seed. */
export function planOf(seed: number, { records, faults }: Pick<SimulateOptions, 'records' | 'faults'>): Plan {
  const random = seededRandom(seed)
  const written = records(random).toSorted((a, b) => a.atMs - b.atMs)
  const durationMs = written.at(-1)?.atMs ?? 0
  return { seed, records: written, faults: planFaults(random, durationMs, { ...defaultRates, ...faults }) }
}

function failureOf({ seed, faults }: Plan, { broken, traceHash }: Outcome): RivuletError {
  const struck = faults.map(
    ({ atMs, kind, atRequest }) =>
      `${atMs} ms ${kind}${atRequest === undefined ? '' : ` at request ${atRequest}`}`,
  )
  return new RivuletError(
    'SIMULATION_FAILED',
    `seed ${seed} (trace ${traceHash}): ${broken.join('; ')}\nfaults: ${struck.join(', ')}`,
  )
}
