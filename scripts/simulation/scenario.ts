import type { FaultRates, Plan } from 'rivulet/testing'
import { silentLogger } from '../../src/logger.ts'
import { noFaults, planFaults } from '../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { held } from '../../src/testing/simulation/simulate.ts'
import type { Outcome } from '../../src/testing/simulation/simulation.ts'
import { deployments, environment, type SimulatedDeployment } from './deployments.ts'

/** What a seed stands for: a deployment, and what happens to it. */
export interface Scenario {
  readonly deployment: SimulatedDeployment
  readonly plan: Plan
}

/** On top, where there are several brokers. */
const ofCluster = { 'kill-node': 4, 'move-leader': 8, 'move-coordinator': 6 }

/** Where there is a feed. Positions have the time of the clock: one that is more than an hour ahead ends the program. */
const ofFeed = { 'break-feed': 6, 'clock-jump': 0 }

interface Profile {
  /** How many of each kind to expect in a minute. */
  readonly rates: FaultRates
  /** Which requests are befallen; absent: any that can be left half done. */
  readonly requests?: readonly number[]
}

const [endTxn, txnOffsetCommit] = [26, 28]

const profiles: readonly Profile[] = [
  { rates: { ...noFaults, cut: 15, stall: 12, 'lose-answers': 10, 'slow-network': 6 } },
  // What ends a transaction comes when the next one has begun.
  { rates: { ...noFaults, stall: 25, 'slow-network': 6 }, requests: [endTxn, endTxn, txnOffsetCommit] },
  { rates: { ...noFaults, kill: 8, freeze: 6, 'kill-broker': 4, 'slow-network': 3 } },
  { rates: { ...noFaults, 'power-loss': 10, kill: 4, cut: 4, 'slow-disk': 6 } },
  {
    rates: {
      ...noFaults,
      'power-loss': 4,
      'instance-power-loss': 6,
      kill: 4,
      'disk-loss': 2,
      'disk-full': 2,
    },
  },
  { rates: { ...noFaults, deploy: 6, freeze: 15, kill: 2 } },
  { rates: { ...noFaults, 'clock-jump': 8, freeze: 6, stall: 6 } },
  {
    rates: {
      ...noFaults,
      kill: 3,
      freeze: 3,
      cut: 6,
      stall: 6,
      'lose-answers': 4,
      'kill-broker': 1,
      'power-loss': 1,
      'clock-jump': 1,
      'slow-network': 2,
      'slow-disk': 2,
      'instance-power-loss': 2,
      'disk-loss': 0.5,
      'disk-full': 1,
      deploy: 1,
    },
  },
]

/** `name` holds the deployment; else the seed draws one. */
export function scenarioOf(seed: number, name?: string): Scenario {
  const random = seededRandom(seed)
  const drawn = chosen(random, deployments)
  const deployment = deployments.find((each) => each.name === name) ?? drawn
  const { calmMs = 0 } = deployment
  const instances = chosen(random, [1, 2, 2, 3])
  const durationMs = 12_000 + Math.floor(random() * 12_000)
  const options = { durationMs, bursts: 6 + Math.floor(random() * 7) }
  const records = (deployment.records?.(random, options) ?? [])
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((record) => ({ ...record, topic: record.topic.name }))
  const messages = deployment.messages?.(random, options)
  const brokers = seed % 3 === 0 ? 3 : 1
  const { rates, requests } = chosen(random, profiles)
  const all = { ...rates, ...(brokers > 1 && ofCluster), ...(messages && ofFeed) }
  const faults = planFaults(random, durationMs - calmMs, all, requests).map((fault) => ({
    ...fault,
    atMs: calmMs + fault.atMs,
  }))
  return { deployment, plan: { seed, instances, brokers, records, ...(messages && { messages }), faults } }
}

function chosen<T>(random: () => number, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T
}

/** Rejects as `simulate` does. */
export function heldPlan(deployment: SimulatedDeployment, plan: Plan): Promise<Outcome> {
  return held({ ...deployment, environment, logger: silentLogger }, plan)
}
