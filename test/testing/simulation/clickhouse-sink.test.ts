import { describe, expect, test } from 'vitest'
import { clickhouse } from '../../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../../src/clickhouse/table.ts'
import { messageOf } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/logger.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import { Deployment } from '../../../src/testing/simulation/deployment.ts'
import { defaultRates, type FaultRates, planFaults } from '../../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../../src/testing/simulation/seeded-random.ts'
import {
  SimulatedClickHouse,
  type SimulatedClickHouseOptions,
} from '../../../src/testing/simulation/simulated-clickhouse.ts'
import { simulatedKafka } from '../../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../../src/testing/simulation/world.ts'

const partitions = 2
const input = topic('in', { key: serdes.string, value: serdes.string, partitions: partitions })
const table = clickhouseTable('sim.rows', {
  columns: { name: 'String' },
  orderBy: ['name'],
  row: (name: string) => (name.startsWith('skipped') ? null : { name }),
})
const app = topology('sinking', ({ stream }) => {
  stream(input).batch({ rowsMax: 20, waitMsMax: 200 }).to(clickhouse(table))
})

interface Simulated extends SimulatedClickHouseOptions {
  readonly durationMs?: number
  /** Written each second, to all partitions together. */
  readonly recordsPerSecond?: number
  readonly rates?: Partial<FaultRates>
  /** How much longer a frozen instance stays so than in other simulations. */
  readonly freezesTimes?: number
}

/** Runs two instances and their sink through a seed; says what of the table is not as it should be. */
async function brokenUnder(seed: number, options: Simulated): Promise<readonly string[]> {
  const { durationMs = 120_000, recordsPerSecond = 4, rates = {}, freezesTimes = 1 } = options
  const world = new World(seed)
  const server = new SimulatedClickHouse(world, options)
  const deployment = new Deployment(world, {
    topology: app,
    instances: 2,
    environment: {},
    connections: (machine) => ({ clickhouse: server.connect(machine) }),
    logger: silentLogger,
  })
  await world.ended(deployment.startBroker(), 60_000)
  const client = simulatedKafka(world, world.machine('client'), [deployment.broker.address])
  await world.ended(client.admin.ensureTopics([{ name: 'in', partitions: partitions }]), 60_000)
  deployment.startInstances()

  const random = seededRandom(seed)
  const beganMs = world.time.nowMs
  const producer = client.producer()
  const written: string[][] = Array.from({ length: partitions }, () => [])
  let unsent = 0
  const write = (partition: number, name: string) => {
    written[partition]?.push(name)
    unsent++
    const value = serdes.string.serialize(name)
    void producer
      .send('in', partition, {
        keys: [Buffer.from('k')],
        values: [value],
        timestampsMs: [Math.floor(world.time.nowMs)],
      })
      .then(() => unsent--)
  }
  for (let i = 0; i < (durationMs / 1_000) * recordsPerSecond; i++) {
    const kind = random() < 0.1 ? 'skipped' : random() < 0.03 ? 'refused' : 'n'
    const partition = Math.floor(random() * partitions)
    world.time.at(beganMs + random() * durationMs, () => write(partition, `${kind}${i}`))
  }
  for (const fault of planFaults(random, durationMs, { ...defaultRates, ...rates })) {
    const forMs = fault.kind === 'freeze' ? fault.forMs * freezesTimes : fault.forMs
    world.time.at(beganMs + fault.atMs, () => deployment.strike({ ...fault, forMs }))
  }
  await world.pass(durationMs + 1)
  deployment.recover()
  server.recover()

  const isRow = (name: string) => !name.startsWith('skipped') && !(options.refuses?.(name) ?? false)
  let broken: readonly string[] = ['missing: nothing was looked at']
  for (let look = 0; look < 200; look++) {
    await world.pass(3_000)
    if (deployment.failures.length > 0)
      return deployment.failures.map((error) => `ended: ${messageOf(error)}`)
    if (unsent > 0) continue
    broken = written.flatMap((names, partition) => differences(names, partition, isRow, server))
    if (broken.length === 0 || broken.some((each) => !each.startsWith('missing'))) break
  }
  return broken
}

/** Each row once, in ranges that do not overlap and have their rows within. */
function differences(
  names: readonly string[],
  partition: number,
  isRow: (name: string) => boolean,
  server: SimulatedClickHouse,
): string[] {
  const parts = server
    .parts(table.name)
    .map((rows) => rows.filter((row) => row.partition === partition))
    .filter((rows) => rows.length > 0)
  const found = new Map<number, number>()
  const broken: string[] = []
  let behind = -1
  for (const rows of parts) {
    const [{ from, to } = { from: 0, to: 0 }] = rows
    if (from <= behind) broken.push(`${partition}: the range ${from}–${to} begins before ${behind} ended`)
    behind = to
    for (const row of rows) {
      found.set(row.offset, (found.get(row.offset) ?? 0) + 1)
      if (row.offset < from || row.offset > to || !row.text.startsWith(`${names[row.offset]}\t`))
        broken.push(`${partition}: ${row.text} does not belong into ${from}–${to}`)
    }
  }
  for (const [offset, count] of found)
    if (count > 1) broken.push(`${partition}: offset ${offset} is there ${count} times`)
  names.forEach((name, offset) => {
    if (isRow(name) !== found.has(offset))
      broken.push(found.has(offset) ? `${partition}: ${name} is there` : `missing: ${partition} ${name}`)
  })
  return broken
}

async function failing(seeds: number, options: Simulated): Promise<Record<number, readonly string[]>> {
  const failures: Record<number, readonly string[]> = {}
  for (let seed = 1; seed <= seeds; seed++) {
    const broken = await brokenUnder(seed, options)
    if (broken.length > 0) failures[seed] = broken.slice(0, 3)
  }
  return failures
}

describe('probe', () => {
  const probe = (name: string, options: Simulated) =>
    test(name, async () => {
      const f = await failing(Number(process.env.SEEDS ?? 3), options)
      console.log(
        name,
        Object.entries(f)
          .map(([s, b]) => `${s}: ${b[0]?.slice(0, 120)}`)
          .join('\n'),
      )
      expect(Object.keys(f).length).toBe(0)
    }, 600_000)
  const rates = { kill: 2, freeze: 4, 'kill-broker': Number(process.env.KB ?? 0) }
  probe('plain', { tokensMax: 1_000, rates })
  probe('c1', {
    tokensMax: 400,
    rates: { kill: 1, freeze: 3, cut: 1, stall: 1, 'lose-answers': 1, 'kill-broker': 0 },
    freezesTimes: 5,
    durationMs: 300_000,
    recordsPerSecond: 20,
  })
  probe('unknown', {
    tokensMax: 1_000,
    rates,
    lateMsMax: 30_000,
    faults: { lost: 0.03, late: 0.05, unanswered: 0.05, failing: 0.05 },
  })
  probe('c4', { tokensMax: 1_000, rates, faults: { burnt: 0.01 } })
  probe('c2', { tokensMax: 1_000, rates, faults: { unanswered: 0.1 }, profile: { insert_deduplicate: 0 } })
  probe('c3', { tokensMax: 1_000, rates, faults: { unanswered: 0.1 }, profile: { max_insert_block_size: 2 } })
  probe('lag', { tokensMax: 1_000, rates, replicas: 3, lagMsMax: 20_000 })
  probe('refused', { tokensMax: 1_000, rates, refuses: (row) => row.startsWith('refused') })
})
