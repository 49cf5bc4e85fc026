import { lastValueFrom, toArray } from 'rxjs'
import { clickhouse } from '../../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../../src/clickhouse/table.ts'
import { messageOf } from '../../../src/errors.ts'
import type { Kafka } from '../../../src/kafka/types.ts'
import { silentLogger } from '../../../src/logger.ts'
import { lastHeader } from '../../../src/records/chunk.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import { Deployment } from '../../../src/testing/simulation/deployment.ts'
import { defaultRates, type FaultRates, planFaults } from '../../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../../src/testing/simulation/seeded-random.ts'
import type { SimulatedClickHouseOptions } from '../../../src/testing/simulation/simulated-clickhouse.ts'
import { simulatedKafka } from '../../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../../src/testing/simulation/world.ts'

export interface SinkSimulationOptions extends Partial<SimulatedClickHouseOptions> {
  readonly durationMs?: number
  /** Written each second, to both partitions together. */
  readonly recordsPerSecond?: number
  readonly rates?: Partial<FaultRates>
  /** How many times longer a frozen instance stays so than in other simulations. */
  readonly freezeTimes?: number
}

const startMs = 60_000
const lookMs = 3_000
const looksMax = 200
const partitions = 2
/** Of what is broken, the first ones say enough. */
const brokenMax = 5

const input = topic('in', { key: serdes.string, value: serdes.string, partitions })
const table = clickhouseTable('simulated.rows', {
  columns: { name: 'String', day: 'Date' },
  orderBy: ['name'],
  row: (name: string) =>
    isSkipped(name) ? null : { name, day: isMisfit(name) ? '2026-02-30' : '2026-02-28' },
})
const app = topology('sinking', ({ stream }) => {
  stream(input).batch({ rowsMax: 20, waitMsMax: 200 }).to(clickhouse(table))
})

/** What becomes of a record is in its name. */
const nameOf = (i: number) =>
  `${i % 11 === 3 ? 'skipped' : i % 31 === 5 ? 'misfit' : i % 37 === 7 ? 'refused' : 'row'}${i}`
/** The first of a row's own columns. */
const nameIn = (own: Buffer) => own.toString('utf8', 1, 1 + (own[0] as number))
const isSkipped = (name: string) => name.startsWith('skipped')
const isMisfit = (name: string) => name.startsWith('misfit')
const isRefused = (name: string) => name.startsWith('refused')

/**
 * Runs two instances that write into one table through a seed. Says what is not as it should be: each record that makes a row
 * must be in the table once, in ranges that follow each other, and each that can't be written must be a dead letter.
 */
export async function brokenUnder(seed: number, options: SinkSimulationOptions): Promise<readonly string[]> {
  const run = new SinkSimulation(seed, options)
  await run.start()
  await run.strain()
  return run.settled()
}

class SinkSimulation {
  readonly #options: SinkSimulationOptions
  readonly #world: World
  readonly #deployment: Deployment
  readonly #client: Kafka
  /** By partition, in the order of their offsets. */
  readonly #written: readonly string[][] = Array.from({ length: partitions }, () => [])
  #unsent = 0

  constructor(seed: number, options: SinkSimulationOptions) {
    this.#options = options
    this.#world = new World(seed)
    this.#deployment = new Deployment(this.#world, {
      topology: app,
      instances: 2,
      environment: {},
      clickhouse: { tokensMax: 1_000, refuses: (own) => isRefused(nameIn(own)), ...options },
      logger: silentLogger,
    })
    this.#client = simulatedKafka(this.#world, this.#world.machine('client'), [
      this.#deployment.broker.address,
    ])
  }

  async start(): Promise<void> {
    await this.#world.ended(this.#deployment.startBroker(), startMs)
    await this.#world.ended(this.#client.admin.ensureTopics([{ name: input.name, partitions }]), startMs)
    this.#deployment.startInstances()
  }

  /** Records and faults, until both are over. */
  async strain(): Promise<void> {
    const { durationMs = 120_000, recordsPerSecond = 4, rates, freezeTimes = 1 } = this.#options
    const { time, seed } = this.#world
    const random = seededRandom(seed)
    const beganMs = time.nowMs
    const producer = this.#client.producer()
    for (let i = 0; i < (durationMs / 1_000) * recordsPerSecond; i++) {
      const partition = Math.floor(random() * partitions)
      time.at(beganMs + random() * durationMs, () => {
        this.#written[partition]?.push(nameOf(i))
        this.#unsent++
        const columns = {
          keys: [Buffer.from('k')],
          values: [serdes.string.serialize(nameOf(i))],
          timestampsMs: [Math.floor(time.nowMs)],
        }
        void producer.send(input.name, partition, columns).then(() => this.#unsent--)
      })
    }
    for (const fault of planFaults(random, durationMs, { ...defaultRates, ...rates })) {
      const forMs = fault.kind === 'freeze' ? fault.forMs * freezeTimes : fault.forMs
      time.at(beganMs + fault.atMs, () => this.#deployment.strike({ ...fault, forMs }))
    }
    await this.#world.pass(durationMs + 1)
    this.#deployment.recover()
  }

  /** Waits until all that is missing is there. */
  async settled(): Promise<readonly string[]> {
    const { failures } = this.#deployment
    for (let look = 0; ; look++) {
      await this.#world.pass(lookMs)
      if (failures.length > 0) return failures.map((error) => `ended: ${messageOf(error)}`)
      const letters = await this.#letters()
      const wrong = this.#written.flatMap((names, partition) => this.#wrong(names, partition, letters))
      const missing = this.#written.flatMap((names, partition) => this.#missing(names, partition, letters))
      if (this.#unsent > 0) missing.push(`what was not sent of ${this.#unsent} records`)
      if (wrong.length > 0 || missing.length === 0 || look === looksMax)
        return [...wrong, ...missing.map((name) => `${name} is missing`)].slice(0, brokenMax)
    }
  }

  #parts(partition: number) {
    const parts = this.#deployment.clickhouse?.parts(table.name) ?? []
    return parts.filter(([first]) => first?.partition === partition)
  }

  /** What no time will mend. */
  #wrong(names: readonly string[], partition: number, letters: ReadonlySet<string>): string[] {
    const wrong: string[] = []
    let behind = -1
    let lastOffset = -1
    for (const rows of this.#parts(partition)) {
      const { from, to } = rows[0] ?? { from: -1, to: -1 }
      if (from <= behind) wrong.push(`${partition}: ${from} to ${to} begins before ${behind} has ended`)
      for (const { offset, own } of rows) {
        if (offset <= lastOffset) wrong.push(`${partition}: the row of ${offset} is there again`)
        if (offset < from || offset > to || nameIn(own) !== names[offset])
          wrong.push(`${partition}: ${nameIn(own)} does not belong into ${from} to ${to}`)
        lastOffset = offset
      }
      behind = to
    }
    const falsely = names.filter((name, offset) => !isLetter(name) && letters.has(`${partition}/${offset}`))
    return [...wrong, ...falsely.map((name) => `${name} is a dead letter`)]
  }

  #missing(names: readonly string[], partition: number, letters: ReadonlySet<string>): string[] {
    const rows = new Set(this.#parts(partition).flatMap((part) => part.map(({ offset }) => offset)))
    return names.filter((name, offset) => {
      if (isLetter(name)) return !letters.has(`${partition}/${offset}`)
      return !isSkipped(name) && !rows.has(offset)
    })
  }

  /** The places of all dead letters. */
  async #letters(): Promise<ReadonlySet<string>> {
    const { admin } = this.#client
    const name = `${input.name}-dead-letters`
    const [end] = await this.#world.ended(admin.offsets(name), startMs)
    const read$ = this.#client.read(name, 0, { toOffset: end?.endOffset ?? 0 })
    const fetched = await this.#world.ended(lastValueFrom(read$.pipe(toArray())), startMs)
    const headers = fetched.flatMap(({ chunk }) => chunk.headers ?? [])
    return new Set(headers.map((each) => `${lastHeader(each, 'partition')}/${lastHeader(each, 'offset')}`))
  }
}

function isLetter(name: string): boolean {
  return isMisfit(name) || isRefused(name)
}
