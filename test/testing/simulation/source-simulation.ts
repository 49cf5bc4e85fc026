import { filter, from, lastValueFrom, Observable, switchMap, toArray } from 'rxjs'
import { messageOf } from '../../../src/errors.ts'
import type { Kafka, TransactionalProducer } from '../../../src/kafka/types.ts'
import { silentLogger } from '../../../src/logger.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import type { Source, SourceContext } from '../../../src/stream/source.ts'
import { topic } from '../../../src/stream/topic.ts'
import { type Topology, topology } from '../../../src/stream/topology.ts'
import { Deployment } from '../../../src/testing/simulation/deployment.ts'
import { defaultRates, type FaultRates, planFaults } from '../../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../../src/testing/simulation/seeded-random.ts'
import { simulatedKafka } from '../../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../../src/testing/simulation/world.ts'
import { SimulatedFeed } from './simulated-feed.ts'

export interface SourceSimulationOptions {
  /** How the source goes on: at the end of its topic, or at its position. */
  readonly by?: 'tail' | 'position'
  readonly instances?: number
  readonly durationMs?: number
  readonly messages?: number
  readonly rates?: Partial<FaultRates>
  /** How often another program has a transaction open on the source's topic, each up to a minute. */
  readonly foreign?: number
}

/** The feed's positions rise, also among those of one key. */
interface Message {
  readonly key: string
  readonly position: number
}

const startMs = 60_000
const lookMs = 3_000
const looksMax = 200
const partitions = 2
const keys = ['a', 'b', 'c', 'd']
const foreignKey = 'foreign'
/** Of what is broken, the first ones say enough. */
const brokenMax = 5

const output = topic('out', { key: serdes.string, value: serdes.long, partitions })
const letters = 'feed-dead-letters'

/** What becomes of a message is in its position. */
const isLetter = (position: number) => position % 11 === 3
const isLeftOut = (position: number) => position % 13 === 5 && !isLetter(position)

function topologyOf(feed: SimulatedFeed<string>, by: Required<SourceSimulationOptions>['by']): Topology {
  return topology('feeding', (declare) => {
    const source = by === 'tail' ? goingOnByTail(feed) : goingOn(feed)
    const numbered = by === 'position' && { position: ({ position }: Message) => position + 1 }
    declare
      .source('feed', source, { key: ({ key }) => key, ...numbered })
      .filter('kept', ({ position }) => !isLeftOut(position))
      .mapValues(({ position }) => position)
      .to(output)
  })
}

/** Goes on where each key's newest record is. */
function goingOnByTail(feed: SimulatedFeed<string>): Source<Message> {
  return (context) =>
    from(lastPositions(context)).pipe(
      switchMap((last) => {
        const isNew = ({ key, position }: Message) => position > (last.get(key) ?? -1)
        return heard(feed, Math.min(...keys.map((key) => (last.get(key) ?? -1) + 1)), context).pipe(
          filter(isNew),
        )
      }),
    )
}

async function lastPositions({ tail }: SourceContext): Promise<Map<string, number>> {
  const last = new Map<string, number>()
  for await (const { key, value } of tail(output)) {
    if (!last.has(key)) last.set(key, value)
  }
  return last
}

function goingOn(feed: SimulatedFeed<string>): Source<Message> {
  return (context) => heard(feed, typeof context.position === 'number' ? context.position : 0, context)
}

function heard(
  feed: SimulatedFeed<string>,
  begin: number,
  { clock, deadLetter }: SourceContext,
): Observable<Message> {
  return new Observable((subscriber) =>
    feed.listen(begin, {
      clock,
      heard: (key, position) => {
        if (!isLetter(position)) subscriber.next({ key, position })
        else
          deadLetter({
            bytes: serdes.long.serialize(position),
            reason: 'it is one',
            place: {},
            position: position + 1,
          })
      },
    }),
  )
}

/**
 * Runs instances that share a source through a seed. Says what is not as it should be: each message must be on its topic
 * once, and those of one key in order. For what `simulate` has not: dead letters, and other programs' transactions.
 */
export async function brokenUnder(
  seed: number,
  options: SourceSimulationOptions = {},
): Promise<readonly string[]> {
  const run = new SourceSimulation(seed, options)
  await run.start()
  await run.strain()
  return run.settled()
}

class SourceSimulation {
  readonly #options: SourceSimulationOptions
  readonly #world: World
  readonly #feed = new SimulatedFeed<string>()
  readonly #deployment: Deployment
  readonly #client: Kafka

  constructor(seed: number, options: SourceSimulationOptions) {
    this.#options = options
    this.#world = new World(seed)
    this.#deployment = new Deployment(this.#world, {
      topology: topologyOf(this.#feed, options.by ?? 'tail'),
      instances: options.instances ?? 2,
      environment: {},
      logger: silentLogger,
    })
    this.#client = simulatedKafka(this.#world, this.#world.machine('client'), [
      this.#deployment.broker.address,
    ])
  }

  async start(): Promise<void> {
    await this.#world.ended(this.#deployment.startBroker(), startMs)
    await this.#world.ended(this.#client.admin.ensureTopics([{ name: output.name, partitions }]), startMs)
    this.#deployment.startInstances()
  }

  /** Messages and faults, until both are over. */
  async strain(): Promise<void> {
    const { durationMs = 90_000, messages = 200, foreign = 0, rates } = this.#options
    const { time, seed } = this.#world
    const random = seededRandom(seed)
    const beganMs = time.nowMs
    const atSomeTime = (count: number, work: () => void) => {
      for (let i = 0; i < count; i++) time.at(beganMs + random() * durationMs, work)
    }
    atSomeTime(messages, () => this.#feed.send(keys[Math.floor(random() * keys.length)] as string))
    atSomeTime(foreign, () => void this.#openForeign(random() * 50_000))
    for (const fault of planFaults(random, durationMs, { ...defaultRates, ...rates }))
      time.at(beganMs + fault.atMs, () => this.#deployment.strike(fault))
    await this.#world.pass(durationMs + 1)
    this.#deployment.recover()
  }

  /** Waits until all that is missing is there. */
  async settled(): Promise<readonly string[]> {
    const { failures } = this.#deployment
    for (let look = 0; ; look++) {
      await this.#world.pass(lookMs)
      if (failures.length > 0) return failures.map((error) => `ended: ${messageOf(error)}`)
      const written = await this.#read(output.name)
      const put = await this.#read(letters)
      const seen = new Set([...written, ...put].map(({ position }) => position))
      const wrong = this.#wrong(written, put)
      const missing = [...this.#feed.messages.keys()].filter(
        (position) => !seen.has(position) && !isLeftOut(position),
      )
      if (wrong.length > 0 || missing.length === 0 || look === looksMax)
        return [...wrong, ...missing.map((position) => `${position} is missing`)].slice(0, brokenMax)
    }
  }

  /** What no time will mend. */
  #wrong(written: readonly Message[], put: readonly Message[]): string[] {
    const { by = 'tail' } = this.#options
    // Only a position says where letters were.
    return [...notRising(written), ...(by === 'position' ? notRising(put) : [])]
  }

  /** A program of somebody else writes there, and does not end its transaction for a while. */
  async #openForeign(forMs: number): Promise<void> {
    const other: TransactionalProducer = await this.#client.transactionalProducer({
      transactionalId: 'other',
    })
    const record = {
      keys: [Buffer.from(foreignKey)],
      values: [serdes.long.serialize(0)],
      timestampsMs: [Math.floor(this.#world.time.nowMs)],
    }
    for (let partition = 0; partition < partitions; partition++)
      void other.send(output.name, partition, record).catch(() => undefined)
    this.#world.time.after(forMs, () => void other.abort().catch(() => undefined))
  }

  async #read(name: string): Promise<Message[]> {
    const messages: Message[] = []
    const ends = await this.#world.ended(this.#client.admin.offsets(name), startMs)
    for (const { partition, endOffset } of ends) {
      const read$ = this.#client.read(name, partition, { toOffset: endOffset })
      for (const { chunk } of await this.#world.ended(lastValueFrom(read$.pipe(toArray())), startMs)) {
        const values = [...chunk.values]
        for (const [i, bytes] of [...chunk.keys].entries()) {
          const key = bytes?.toString() ?? 'none'
          if (key !== foreignKey)
            messages.push({ key, position: serdes.long.deserialize(values[i] as Buffer) })
        }
      }
    }
    return messages
  }
}

function notRising(messages: readonly Message[]): string[] {
  const last = new Map<string, number>()
  return messages.flatMap(({ key, position }) => {
    const before = last.get(key) ?? -1
    last.set(key, position)
    return position > before ? [] : [`${position} of ${key} comes after ${before}`]
  })
}
