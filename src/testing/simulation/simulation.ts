import { lastValueFrom, reduce } from 'rxjs'
import { messageOf } from '../../errors.ts'
import { partitionFor } from '../../kafka/partitioner.ts'
import type { Kafka, KafkaProducer } from '../../kafka/types.ts'
import { isChooser } from '../../stream/graph.ts'
import type { Topic } from '../../stream/topic.ts'
import type { Topology } from '../../stream/topology.ts'
import { TestDriver } from '../test-driver.ts'
import { Deployment, type DeploymentOptions } from './deployment.ts'
import type { Fault } from './faults.ts'
import { simulatedKafka } from './simulated-kafka.ts'
import { World } from './world.ts'

/** A record that is written to an input topic while the simulation runs. */
export interface SimulatedRecord {
  /** An input of the topology: it is written with its serdes. */
  readonly topic: Topic<unknown, unknown>
  /** Null: none. */
  readonly key: unknown
  /** Null: a tombstone. */
  readonly value: unknown
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
  /** When it is written, since the beginning. */
  readonly atMs: number
}

/** One run, wholly determined: the same plan does the same things. */
export interface Plan {
  readonly seed: number
  readonly records: readonly SimulatedRecord[]
  readonly faults: readonly Fault[]
}

export interface Outcome {
  /** What did not hold; empty: all did. */
  readonly broken: readonly string[]
  readonly traceHash: string
  readonly messages: number
  readonly virtualMs: number
}

const limitMs = 600_000
const lookMs = 2_000
const startMs = 60_000

type Written = ReadonlyMap<string, readonly string[]>

/**
 * Runs a deployment through a plan, lets it recover, and holds what it has written to what the test driver writes of the
 * same records: for each topic and key the same values in the same order.
 */
export async function runPlan(options: DeploymentOptions, plan: Plan): Promise<Outcome> {
  const world = new World(plan.seed)
  const deployment = new Deployment(world, options)
  const run = new Run(world, deployment, options.topology)
  const broken = await run.through(plan)
  return {
    broken,
    traceHash: world.traceHash,
    messages: world.messages,
    virtualMs: Math.round(world.time.elapsedMs),
  }
}

class Run {
  readonly #world: World
  readonly #deployment: Deployment
  readonly #topology: Topology
  readonly #client: Kafka
  readonly #producer: KafkaProducer
  #unsent = 0

  constructor(world: World, deployment: Deployment, topology: Topology) {
    this.#world = world
    this.#deployment = deployment
    this.#topology = topology
    const { address } = deployment.broker
    this.#client = simulatedKafka(world, world.machine('client'), [address])
    this.#producer = this.#client.producer()
  }

  async through({ records, faults }: Plan): Promise<readonly string[]> {
    const world = this.#world
    await world.ended(this.#deployment.startBroker(), startMs)
    await world.ended(this.#client.admin.ensureTopics(topicsOf(this.#topology, records)), startMs)
    this.#deployment.startInstances()
    const beganMs = world.time.nowMs
    for (const record of records) world.time.at(beganMs + record.atMs, () => this.#write(record))
    for (const fault of faults) world.time.at(beganMs + fault.atMs, () => this.#deployment.strike(fault))
    const lastMs = Math.max(0, ...[...records, ...faults].map(({ atMs }) => atMs))
    await world.pass(lastMs + 1)
    this.#deployment.recover()
    return this.#settled(expectedOf(this.#topology, records))
  }

  /** Waits until all that is expected is there, and says what is not. */
  async #settled(expected: Written): Promise<readonly string[]> {
    const world = this.#world
    const endMs = world.time.nowMs + limitMs
    let broken: readonly string[] = ['nothing was read']
    while (world.time.nowMs < endMs) {
      await world.pass(lookMs)
      if (this.#deployment.failures.length > 0)
        return this.#deployment.failures.map((error) => `ended: ${messageOf(error)}`)
      if (this.#unsent > 0) continue
      broken = differences(expected, await world.ended(this.#read(), limitMs))
      // More than there should be never becomes less.
      if (broken.length === 0 || broken.some((each) => each.startsWith('too many'))) return broken
    }
    return broken
  }

  #write({ topic, key, value, timestampMs }: SimulatedRecord): void {
    const keyBytes = key === null ? null : topic.key.serialize(key)
    const valueBytes = value === null ? null : topic.value.serialize(value)
    this.#unsent++
    const columns = { keys: [keyBytes], values: [valueBytes], timestampsMs: [timestampMs] }
    const sent = this.#producer.send(topic.name, partitionFor(keyBytes, topic.partitions, 0), columns)
    sent.then(
      () => this.#unsent--,
      (error) => this.#deployment.failures.push(error),
    )
  }

  async #read(): Promise<Written> {
    const written = new Map<string, string[]>()
    for (const topic of outputsOf(this.#topology)) {
      for (const { partition, endOffset } of await this.#client.admin.offsets(topic.name)) {
        if (endOffset === 0) continue
        const fetched$ = this.#client.read(topic.name, partition, { toOffset: endOffset })
        const take = (
          _: unknown,
          { chunk }: { readonly chunk: { keys: Iterable<Buffer | null>; values: Iterable<Buffer | null> } },
        ) => {
          const values = [...chunk.values]
          for (const [i, key] of [...chunk.keys].entries()) add(written, topic, key, values[i] ?? null)
        }
        await lastValueFrom(fetched$.pipe(reduce(take, undefined)), { defaultValue: undefined })
      }
    }
    return written
  }
}

function add(
  written: Map<string, string[]>,
  topic: Topic<unknown, unknown>,
  key: Buffer | null,
  value: Buffer | null,
): void {
  const of = `${topic.name} ${key?.toString('latin1') ?? 'null'}`
  const values = written.get(of) ?? []
  values.push(value?.toString('latin1') ?? 'null')
  written.set(of, values)
}

/** What the test driver writes of the same records, as bytes. */
function expectedOf(topology: Topology, records: readonly SimulatedRecord[]): Written {
  const driver = new TestDriver(topology)
  for (const { topic, key, value, timestampMs } of records) driver.pipe(topic, { key, value, timestampMs })
  const written = new Map<string, string[]>()
  for (const topic of outputsOf(topology)) {
    for (const { key, value } of driver.read(topic)) {
      const bytes = (each: unknown, serde: { serialize(value: unknown): Buffer }) =>
        each === null ? null : serde.serialize(each)
      add(written, topic, bytes(key, topic.key), bytes(value, topic.value))
    }
  }
  return written
}

function differences(expected: Written, seen: Written): string[] {
  return [...new Set([...expected.keys(), ...seen.keys()])].flatMap((of) => {
    const [wanted, got] = [expected.get(of) ?? [], seen.get(of) ?? []]
    const at = got.findIndex((value, i) => value !== wanted[i])
    const name = JSON.stringify(of)
    if (at >= 0)
      return [`too many or others of ${name} from the ${at + 1}th on: ${got.length} for ${wanted.length}`]
    return got.length < wanted.length
      ? [`missing of ${name}: ${wanted.length - got.length} of ${wanted.length}`]
      : []
  })
}

function outputsOf({ nodes }: Topology): Topic<unknown, unknown>[] {
  const topics = new Map<string, Topic<unknown, unknown>>()
  for (const node of nodes)
    if (node.type === 'topic-sink' && !isChooser(node.topic)) topics.set(node.topic.name, node.topic)
  return [...topics.values()]
}

function topicsOf(topology: Topology, records: readonly SimulatedRecord[]) {
  const topics = new Map(
    [...records.map(({ topic }) => topic), ...outputsOf(topology)].map((topic) => [topic.name, topic]),
  )
  return [...topics.values()].map(({ name, partitions, config }) => ({ name, partitions, config }))
}
