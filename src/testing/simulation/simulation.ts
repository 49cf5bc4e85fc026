import { messageOf } from '../../errors.ts'
import type { Kafka, KafkaProducer, TopicToEnsure } from '../../kafka/types.ts'
import { layOutAsDeclared } from '../../runtime/layout.ts'
import type { Topic } from '../../stream/topic.ts'
import type { Topology } from '../../stream/topology.ts'
import type { Violation } from './comparison.ts'
import { Deployment, type DeploymentOptions } from './deployment.ts'
import { DriverTwin } from './driver-twin.ts'
import { absentFeed, type Feed, type FeedMessage } from './feed.ts'
import type { Machine } from './machine.ts'
import {
  fedSource,
  inputsOf,
  outputsOf,
  type PlacedRecord,
  type Plan,
  type PlannedMessage,
  placedRecords,
} from './plan.ts'
import { SettledChecks } from './settled-checks.ts'
import { SimulatedFeed } from './simulated-feed.ts'
import { simulatedKafka } from './simulated-kafka.ts'
import { type Emission, Watcher } from './watcher.ts'
import { World } from './world.ts'

/** What runs, and how it is held to the test driver. */
export interface RunOptions extends Omit<DeploymentOptions, 'topology' | 'instances' | 'brokers'> {
  readonly topology: SimulatedTopology
  /** What the source makes of a message; undefined: nothing. Default: the message as it is. */
  readonly emitted?: ((message: FeedMessage) => unknown) | undefined
}

/** Where a source listens to a feed, it is made with that as each instance has it. */
export type SimulatedTopology = Topology | ((feed: Feed) => Topology)

/** What a run came to. */
export interface Outcome {
  /** What did not hold; empty: all did. */
  readonly broken: readonly Violation[]
  readonly traceHash: string
  readonly messages: number
  readonly virtualMs: number
}

/** By then, after the last fault and the last input, everything must be there. */
const progressMsMax = 300_000
/** What comes late comes within this, in most cases. */
const afterwardsMs = 2_000
const startMsMax = 60_000
/** What is there for a shorter time no reader sees: an answer takes longer. */
const lookMs = 1
const completeLookMs = 100
/** What a record takes at least, its lengths and an empty key and value. */
const recordBytesMin = 8

/**
 * Runs a deployment through a plan, lets it recover, and holds it to the test driver with the same records: on the way, at
 * each moment in which a reader could see something new, and when all is over.
 */
export async function runPlan(options: RunOptions, plan: Plan): Promise<Outcome> {
  const world = new World(plan.seed)
  const run = new Run(world, options, plan)
  const broken = await run.outcome()
  return {
    broken,
    traceHash: world.traceHash,
    messages: world.messages,
    virtualMs: Math.round(world.time.elapsedMs),
  }
}

class Run {
  readonly #world: World
  readonly #topics: readonly TopicToEnsure[]
  readonly #plan: Plan
  readonly #feed: SimulatedFeed | undefined
  readonly #deployment: Deployment
  readonly #records: readonly PlacedRecord[]
  readonly #twin: DriverTwin
  readonly #watcher: Watcher
  readonly #settled: SettledChecks
  readonly #bufferedMax: number
  readonly #client: Kafka
  readonly #producer: KafkaProducer
  #unsent = 0
  #lookedMs = 0
  #broken: readonly Violation[] = []

  constructor(world: World, options: RunOptions, plan: Plan) {
    const { topology: declared, outputs = 'in-order', emitted = asItIs } = options
    const { instances, brokers = 1, messages = [], faults } = plan
    const order = outputs === 'at-least-once' && faults.length === 0 ? 'in-order' : outputs
    const feed = typeof declared === 'function' ? new SimulatedFeed(world) : undefined
    const topology = typeof declared === 'function' ? declared(absentFeed) : declared
    const onMachine = (machine: Machine) =>
      typeof declared === 'function' && feed ? declared(feed.seenFrom(machine)) : topology
    const deployed = feed ? onMachine : topology
    this.#world = world
    this.#topics = topicsOf(topology, options.topics)
    this.#plan = plan
    this.#feed = feed
    this.#deployment = new Deployment(world, { ...options, topology: deployed, feed, instances, brokers })
    this.#records = placedRecords(topology, plan.records)
    const newTwin = () => new DriverTwin(topology, options.environment)
    this.#twin = newTwin()
    this.#watcher = new Watcher({
      ...{ topology, records: this.#records, order },
      emissions: emissionsOf(topology, messages, emitted),
      ...{ twin: this.#twin, newTwin },
      lookAgain: (inMs) => world.time.after(inMs, () => {}),
    })
    this.#settled = new SettledChecks(topology)
    this.#bufferedMax = bufferedMax(topology, options.environment)
    this.#client = simulatedKafka(world, world.machine('client'), this.#deployment.broker.addresses)
    this.#producer = this.#client.producer()
  }

  async outcome(): Promise<readonly Violation[]> {
    const world = this.#world
    await world.ended(this.#deployment.startBroker(), startMsMax)
    await world.ended(this.#client.admin.ensureTopics(this.#topics), startMsMax)
    this.#deployment.startInstances()
    world.watch(() => this.#look())
    const lastMs = this.#schedule()
    await this.#pass(lastMs + 1)
    this.#deployment.recover()
    const endMs = world.time.nowMs + progressMsMax
    while (this.#broken.length === 0 && !this.#isComplete && world.time.nowMs < endMs)
      await this.#pass(completeLookMs)
    this.#noteMissing()
    await this.#pass(afterwardsMs)
    this.#checkSettled()
    return this.#broken
  }

  /** So much time, unless something breaks. */
  async #pass(ms: number): Promise<void> {
    const endMs = this.#world.time.nowMs + ms
    // Something happens by then, so that time does not go further.
    this.#world.time.at(endMs, () => {})
    await this.#world.until(() => this.#broken.length > 0 || this.#world.time.nowMs >= endMs, ms)
  }

  /** Returns when the last of them happens. */
  #schedule(): number {
    const { time } = this.#world
    const { faults, messages = [] } = this.#plan
    const beganMs = time.nowMs
    for (const record of this.#records) time.at(beganMs + record.atMs, () => this.#write(record))
    for (const fault of faults) time.at(beganMs + fault.atMs, () => this.#deployment.strike(fault))
    for (const { value, atMs } of messages) time.at(beganMs + atMs, () => this.#feed?.send(value))
    return Math.max(0, ...[...this.#records, ...messages, ...faults].map(({ atMs }) => atMs))
  }

  #write({ to, partition, keyBytes, value, timestampMs }: PlacedRecord): void {
    this.#unsent++
    const values = [value === null ? null : to.value.serialize(value)]
    const sent = this.#producer.send(to.name, partition, {
      keys: [keyBytes],
      values,
      timestampsMs: [timestampMs],
    })
    sent.then(
      () => this.#unsent--,
      (error) => this.#deployment.failures.push(error),
    )
  }

  #look(): void {
    const { nowMs } = this.#world.time
    if (this.#broken.length > 0 || nowMs < this.#lookedMs + lookMs) return
    this.#lookedMs = nowMs
    const { failures, committed, bufferedRecordsMax } = this.#deployment
    const [failure] = failures
    if (failure !== undefined) this.#broken = [{ invariant: 'no instance fails', detail: messageOf(failure) }]
    else if (bufferedRecordsMax > this.#bufferedMax) {
      const detail = `an instance holds ${bufferedRecordsMax} records, for ${this.#bufferedMax} at most`
      this.#broken = [{ invariant: 'buffers are bounded', detail }]
    } else if (committed) this.#broken = this.#watcher.look(committed, nowMs)
  }

  get #isComplete(): boolean {
    return this.#watcher.isComplete && this.#missing.length === 0
  }

  get #missing(): readonly string[] {
    return [
      ...(this.#deployment.committed ? [] : ['the broker is not up']),
      ...(this.#unsent > 0 ? [`${this.#unsent} inputs were not taken`] : []),
      ...this.#watcher.missing,
      ...this.#unread(),
      ...this.#tableViolations().map(({ detail }) => detail),
    ]
  }

  #unread(): readonly string[] {
    const { committed } = this.#deployment
    return committed ? this.#settled.unread(committed) : []
  }

  #noteMissing(): void {
    if (this.#broken.length > 0 || this.#isComplete) return
    this.#broken = this.#missing.map((detail) => ({
      invariant: 'it goes on once faults are over',
      detail,
    }))
  }

  #checkSettled(): void {
    const { committed } = this.#deployment
    if (this.#broken.length > 0 || !committed) return
    this.#broken = [...this.#settled.stores(this.#twin, committed), ...this.#tableViolations()]
  }

  #tableViolations(): readonly Violation[] {
    const { clickhouse, committed } = this.#deployment
    return clickhouse && committed ? this.#settled.tables(clickhouse, committed) : []
  }
}

function asItIs(message: FeedMessage): unknown {
  return message
}

function emissionsOf(
  topology: Topology,
  messages: readonly PlannedMessage[],
  emitted: (message: FeedMessage) => unknown,
): readonly Emission[] {
  if (messages.length === 0) return []
  const source = fedSource(topology)
  return messages
    .map(({ value }, number) => ({ source, value: emitted({ number, value }) }))
    .filter(({ value }) => value !== undefined)
}

/** What `recordsBufferedMax` allows, with what one fetch may bring on top of it, in each partition of an input. */
function bufferedMax(topology: Topology, environment: DeploymentOptions['environment']): number {
  const { recordsBufferedMax = 5_000, partitionFetchBytesMax = 256 * 1024 } = environment
  const { subTopologies } = layOutAsDeclared(topology)
  const partitions = subTopologies
    .flatMap(({ inputs }) => inputs)
    .reduce((sum, each) => sum + each.partitions, 0)
  return partitions * (recordsBufferedMax + partitionFetchBytesMax / recordBytesMin)
}

function topicsOf(topology: Topology, topics: readonly TopicToEnsure[] = []): TopicToEnsure[] {
  const declared = new Map<string, Topic<unknown, unknown>>([...inputsOf(topology), ...outputsOf(topology)])
  const asDeclared = [...declared.values()].filter(({ name }) => topics.every((topic) => topic.name !== name))
  return [...topics, ...asDeclared.map(({ name, partitions, config }) => ({ name, partitions, config }))]
}
