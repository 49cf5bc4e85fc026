import type { FaultRates, Plan } from 'rivulet/testing'
import { silentLogger } from '../../src/logger.ts'
import { noFaults, planFaults } from '../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { held } from '../../src/testing/simulation/simulate.ts'
import type { Outcome } from '../../src/testing/simulation/simulation.ts'
import { deployments, environment, furtherDeployments, type SimulatedDeployment } from './deployments.ts'

/** By which the whole of `pipelines/crypto.ts` is called among the deployments. */
export const marketName = 'market'

/** What a seed stands for: a deployment, and what happens to it. */
export interface Scenario {
  readonly deployment: SimulatedDeployment
  readonly plan: Plan
}

/** On top, where there are several brokers. */
const ofCluster = { 'kill-node': 1.6, 'hang-node': 0.8, 'move-leader': 3.2, 'move-coordinator': 2.4 }

/** Rows that can't be written end the program. */
const ofRowsOnDisk = { 'disk-full': 0 }

/** Where there is a feed. Positions have the time of the clock: one that is more than an hour ahead ends the program. */
const ofFeed = { 'break-feed': 2.4, 'clock-jump': 0 }

interface Profile {
  /** How many of each kind to expect in a minute. */
  readonly rates: FaultRates
  /** Which requests are befallen; absent: any that can be left half done. */
  readonly requests?: readonly number[]
}

const [produce, initProducerId, endTxn, txnOffsetCommit] = [0, 22, 26, 28]

const profiles: readonly Profile[] = [
  { rates: { ...noFaults, cut: 6, stall: 4.8, 'lose-answers': 4, 'slow-network': 2.4 } },
  // What ends a transaction comes when the next one has begun.
  { rates: { ...noFaults, stall: 10, 'slow-network': 2.4 }, requests: [endTxn, endTxn, txnOffsetCommit] },
  { rates: { ...noFaults, kill: 3.2, freeze: 2.4, 'kill-broker': 1.6, 'slow-network': 1.2 } },
  { rates: { ...noFaults, 'power-loss': 4, kill: 1.6, cut: 1.6, 'slow-disk': 2.4 } },
  {
    rates: {
      ...noFaults,
      'power-loss': 1.6,
      'instance-power-loss': 2.4,
      kill: 1.6,
      'disk-loss': 0.8,
      'disk-full': 0.8,
    },
  },
  { rates: { ...noFaults, deploy: 2.4, freeze: 6, kill: 0.8 } },
  { rates: { ...noFaults, 'clock-jump': 3.2, freeze: 2.4, stall: 2.4 } },
  {
    rates: {
      ...noFaults,
      kill: 1.2,
      freeze: 1.2,
      cut: 2.4,
      stall: 2.4,
      'lose-answers': 1.6,
      'kill-broker': 0.4,
      'power-loss': 0.4,
      'clock-jump': 0.4,
      'slow-network': 0.8,
      'slow-disk': 0.8,
      'instance-power-loss': 0.8,
      'disk-loss': 0.2,
      'disk-full': 0.4,
      deploy: 0.4,
    },
  },
]

const takeOver: Profile = {
  rates: { ...noFaults, freeze: 8, stall: 12 },
  requests: [produce, initProducerId],
}
/** So often that a few in a hundred seeds have the two at the same time. */
const profilesOfTakenOver: readonly Profile[] = [...profiles, takeOver, takeOver, takeOver, takeOver]

/** `name` holds the deployment; else the seed draws one. */
export function scenarioOf(seed: number, name?: string): Scenario {
  const random = seededRandom(seed)
  const drawn = chosen(random, deployments)
  const deployment = [...deployments, ...furtherDeployments].find((each) => each.name === name) ?? drawn
  const { calmMs = 0, takenOver = false, storeType } = deployment
  const instances = chosen(random, [1, 2, 2, 3])
  const durationMs = 30_000 + Math.floor(random() * 30_000)
  const options = { durationMs, bursts: 6 + Math.floor(random() * 7) }
  const records = (deployment.records?.(random, options) ?? [])
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((record) => ({ ...record, topic: record.topic.name }))
  const messages = deployment.messages?.(random, options)
  const brokers = seed % 3 === 0 ? 3 : 1
  const { rates, requests } = chosen(random, takenOver ? profilesOfTakenOver : profiles)
  const all = {
    ...rates,
    ...(brokers > 1 && ofCluster),
    ...(messages && ofFeed),
    ...(storeType === 'disk' && ofRowsOnDisk),
  }
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
  return held({ ...deployment, ...conditionsOf(deployment, plan), logger: silentLogger }, plan)
}

/**
 * Every second seed commits rarely, so that there is more to be lost, and a transaction is open for longer. Half of these, and
 * of the others, don't wait for answers as long as programs do, so that more of what they have given up comes late.
 */
export function conditionsOf({ standbys = 0, storeType = 'memory' }: SimulatedDeployment, { seed }: Plan) {
  const [rarely, impatient, veryRarely] = [1, 2, 4].map((bit) => (seed & bit) !== 0)
  const commitIntervalMs = veryRarely ? 1_500 : 300
  return {
    environment: { ...environment, standbys, storeType, ...(rarely && { commitIntervalMs }) },
    ...(impatient && { requestTimeoutMs: 5_000 }),
  }
}
