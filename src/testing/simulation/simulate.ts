import { RivuletError } from '../../errors.ts'
import type { TopicToEnsure } from '../../kafka/types.ts'
import { silentLogger } from '../../logger.ts'
import type { Topic } from '../../stream/topic.ts'
import type { Topology } from '../../stream/topology.ts'
import type { OutputOrder, Violation } from './comparison.ts'
import type { DeploymentOptions } from './deployment.ts'
import { clusterRates, defaultRates, type FaultRates, feedRates, planFaults } from './faults.ts'
import type { FeedMessage } from './feed.ts'
import type { Plan, PlannedMessage, PlannedRecord } from './plan.ts'
import { seededRandom } from './seeded-random.ts'
import { shrink } from './shrink.ts'
import { type Outcome, type RunOptions, runPlan, type SimulatedTopology } from './simulation.ts'

/** A record that is written to an input topic while the simulation runs. */
export interface SimulatedRecord extends Omit<PlannedRecord, 'topic'> {
  /** An input of the topology: it is written with its serdes. */
  readonly topic: Topic<unknown, unknown>
}

/** What a plan is run with, beside the topology. */
export interface SimulatedEnvironment {
  /** As `run` is given it; default: its defaults. */
  readonly environment?: DeploymentOptions['environment']
  /** How long instances wait for an answer of Kafka: the less, the more answers come too late. Default: as programs do, 15 s. */
  readonly requestTimeoutMs?: number
  /**
   * How outputs are held to those of the test driver. Default `in-order`; `any-order` where two streams are joined, whose
   * results come as their inputs do; `latest` where two tables are, which pass through other rows on the way; `at-least-once`
   * where a source is sent again what it could not acknowledge any more.
   */
  readonly outputs?: OutputOrder
  /**
   * What those instances run that a `deploy` starts; it is held to what the topology itself writes. Default: the same
   * topology.
   */
  readonly nextVersion?: Topology
  /** Topics with settings of their own. Default: all are made as they are declared. */
  readonly topics?: readonly TopicToEnsure[]
  /**
   * What the topology's source makes of a message that the feed sends, and then emits; undefined: nothing. Default: it emits
   * the message as it is.
   */
  emitted?(message: FeedMessage): unknown
}

/** What is written, what goes wrong, and how often. */
export interface SimulateOptions extends SimulatedEnvironment {
  /** Which seeds, or how many from 1 on. */
  readonly seeds: number | readonly number[]
  /** What is written to the topology's inputs, and when; the same dice must give the same records. Default: nothing. */
  records?(random: () => number): readonly SimulatedRecord[]
  /** What the feed sends to the topology's source, and when; the same dice must give the same messages. Default: nothing. */
  messages?(random: () => number): readonly PlannedMessage[]
  /** How many faults of each kind to expect in a minute; those that are not named are as often as by default. */
  readonly faults?: Partial<FaultRates>
  /** How many run at the same time. Default 2. */
  readonly instances?: number
  /** How many nodes their Kafka has, among which leaders and coordinators move. Default 1. */
  readonly brokers?: number
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

/** What a failed simulation has found: the `cause` of its error. Plain data, but for keys and values that are not. */
export interface SimulationFailure {
  /** What fails in the same way with fewer records, faults and instances: to be given to `replay`. */
  readonly plan: Plan
  /** What did not hold in it. */
  readonly broken: readonly Violation[]
  /** Of all that went over the network in it: equal for equal runs. */
  readonly traceHash: string
}

/** In all: a failure is worth a minute. */
const shrinkRunsMax = 150

/**
 * Puts a topology to crashes, frozen processes, and connections that end, stall or lose answers: several instances and a
 * broker run in this thread on virtual time. At any moment they must have written what the test driver writes of the records
 * whose offsets are committed, and when the faults are over all of it, and their stores must hold the same. A seed does the
 * same things each time, in any process. Rejects with `SIMULATION_FAILED` at the first seed that fails: it says which one,
 * and its `cause` is a `SimulationFailure`. Sessions, requests and transactions time out sooner than by default.
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
export async function simulate(
  topology: SimulatedTopology,
  options: SimulateOptions,
): Promise<SimulationReport> {
  const { seeds } = options
  const chosen = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds
  const report = { seeds: 0, virtualMs: 0, messages: 0 }
  for (const seed of chosen) {
    const { virtualMs, messages } = await replay(topology, planOf(seed, options), options)
    report.seeds++
    report.virtualMs += virtualMs
    report.messages += messages
  }
  return report
}

/**
 * Does once more what a failed simulation did: its error's `cause` has the plan. Rejects as `simulate` does.
 *
 * @example
 * ```ts
 * const plan: Plan = {
 *   seed: 7,
 *   instances: 1,
 *   records: [{ topic: 'lines', key: 'poem', value: 'so much', timestampMs: 0, atMs: 1_200 }],
 *   faults: [{ atMs: 1_250, kind: 'lose-answers', pick: 0.3, forMs: 0, atRequest: 26 }],
 * }
 * await replay(wordCount, plan)
 * ```
 */
export async function replay(
  topology: SimulatedTopology,
  plan: Plan,
  { environment = {}, topics = [], ...more }: SimulatedEnvironment = {},
): Promise<SimulationReport> {
  const options = { ...more, topology, topics, environment, logger: silentLogger }
  const { virtualMs, messages } = await held(options, plan)
  return { seeds: 1, virtualMs, messages }
}

/** What happens under a seed. */
export function planOf(
  seed: number,
  {
    records = () => [],
    messages = () => [],
    faults,
    instances = 2,
    brokers = 1,
  }: Pick<SimulateOptions, 'records' | 'messages' | 'faults' | 'instances' | 'brokers'>,
): Plan {
  const random = seededRandom(seed)
  const written = records(random)
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((record) => ({ ...record, topic: record.topic.name }))
  const sent = messages(random).toSorted((a, b) => a.atMs - b.atMs)
  const durationMs = Math.max(0, written.at(-1)?.atMs ?? 0, sent.at(-1)?.atMs ?? 0)
  const rates = {
    ...(brokers > 1 ? clusterRates : defaultRates),
    ...(sent.length > 0 && feedRates),
    ...faults,
  }
  const planned = { seed, instances, brokers, records: written, ...(sent.length > 0 && { messages: sent }) }
  return { ...planned, faults: planFaults(random, durationMs, rates) }
}

/** Runs a plan; rejects with what does not hold in it, and with as little of the plan as it takes. */
export async function held(options: RunOptions, plan: Plan): Promise<Outcome> {
  const outcome = await runPlan(options, plan)
  if (outcome.broken.length === 0) return outcome
  const again = await runPlan(options, plan)
  if (again.traceHash !== outcome.traceHash) throw failureOf(plan, { plan, outcome }, notRepeatable)
  throw failureOf(plan, await shrink(options, { plan, outcome }, shrinkRunsMax))
}

const notRepeatable =
  'The same seed did other things when it was run again: a callback of the topology is not deterministic. It may read a clock, throw dice, or keep something between calls.'

function failureOf(
  whole: Plan,
  { plan, outcome }: { readonly plan: Plan; readonly outcome: Outcome },
  hint = '',
): RivuletError {
  const { broken, traceHash } = outcome
  const failure: SimulationFailure = { plan, broken, traceHash }
  const lines = [
    `seed ${whole.seed} fails:`,
    ...broken.map(({ invariant, detail }) => `  ${invariant}: ${detail}`),
    ...(hint === '' ? [] : [hint]),
    `It does so with ${sizeOf(plan, whole)} (trace ${traceHash}):`,
  ]
  const text = planText(plan)
  lines.push(text.length > planCharactersMax ? planElsewhere : text)
  return new RivuletError('SIMULATION_FAILED', lines.join('\n'), { cause: failure })
}

/** A longer one would be cut in an error's message, and nobody could take it back. */
const planCharactersMax = 3_000
const planElsewhere = "its plan is long, and stands in this error's cause"

const planText = (plan: Plan) =>
  JSON.stringify(plan, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))

/** All that is to be said of a failure, with a plan of any length in one line. */
export function failureText({ message, cause }: RivuletError): string {
  return message.replace(planElsewhere, () => planText((cause as SimulationFailure).plan))
}

function sizeOf({ instances, records, messages, faults }: Plan, whole: Plan): string {
  const parts = [
    `${instances} instances`,
    `${records.length} of ${whole.records.length} records`,
    ...(messages && whole.messages ? [`${messages.length} of ${whole.messages.length} messages`] : []),
  ]
  return `${parts.join(', ')} and ${faults.length} of ${whole.faults.length} faults`
}
