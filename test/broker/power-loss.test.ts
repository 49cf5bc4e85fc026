import { describe, expect, test } from 'vitest'
import { type ServedNode, serveNode } from '../../src/broker/broker.ts'
import { type BrokerNode, openNode } from '../../src/broker/node.ts'
import { type BrokerLimits, brokerConfig } from '../../src/broker/options.ts'
import type { Machine } from '../../src/testing/simulation/machine.ts'
import { SimulatedDisk } from '../../src/testing/simulation/simulated-disk.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { batchOf, recordsIn } from './support.ts'

const fsyncIntervalMs = 1_000
const topics = {
  in: {},
  out: { 'segment.bytes': '1500' },
  table: { 'segment.bytes': '700', 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' },
}
const outputs = [
  { topic: 'out', partition: 0 },
  { topic: 'table', partition: 0 },
]
const keyOf = (i: number) => `k${i % 3}`

/** Reads `in` and copies each record to both outputs, in a transaction with its offset: until its machine dies. */
class Copying {
  readonly node: BrokerNode
  readonly served: ServedNode
  readonly #machine: Machine
  readonly #random: () => number
  /** When which transaction was acknowledged. */
  readonly acknowledgedAtMs = new Map<number, number>()
  failure: unknown

  constructor(node: BrokerNode, served: ServedNode, machine: Machine, random: () => number) {
    this.node = node
    this.served = served
    this.#machine = machine
    this.#random = random
    this.#run().catch((error) => {
      this.failure = error
    })
  }

  async #run(): Promise<void> {
    const { transactions, topics, durable } = this.node.services
    const producer = { transactionalId: 'copying', ...(await transactions.init('copying', 60_000)) }
    await durable([])
    let baseSequence = 0
    for (let i = committedIn(this.node); ; ) {
      await this.#machine.clock.sleep(this.#random() * 120)
      const input = topics.log('in', 0)
      if (input.endOffset === i) {
        input.append(batchOf([{ value: `${i}` }]))
        if (this.#random() < 0.5) await durable([input])
      }
      transactions.addPartitions(producer, outputs)
      await durable([])
      const batch = () =>
        batchOf([{ key: keyOf(i), value: `${i}` }], { ...producer, baseSequence, transactional: true })
      const logs = outputs.map(({ topic, partition }) => topics.log(topic, partition))
      for (const log of logs) log.append(batch())
      baseSequence++
      await durable(logs)
      transactions.addGroup(producer, 'group')
      transactions.commitOffsets(producer, 'group', [
        { topic: 'in', partition: 0, offset: i + 1, metadata: null },
      ])
      await durable([])
      const outcome = this.#random() < 0.8 ? 'commit' : 'abort'
      await transactions.end(producer, outcome)
      if (outcome === 'abort') continue
      this.acknowledgedAtMs.set(i++, this.#machine.clock.now())
      if (this.#random() < 0.1) topics.deleteRecords('in', 0, i)
    }
  }
}

const committedIn = ({ services }: BrokerNode) => services.offsets.get('group', 'in', 0)?.offset ?? 0

function committedValuesIn({ services }: BrokerNode, topic: string): [string, number][] {
  const log = services.topics.log(topic, 0)
  const aborted = log.abortedIn(0, log.endOffset)
  return recordsIn(log, { committed: true })
    .filter(({ offset }) => !aborted.some((each) => each.firstOffset <= offset && offset <= each.lastOffset))
    .filter(({ key }) => String(key).startsWith('k')) // Not of the markers.
    .map(({ key, value }) => [String(key), Number(value)])
}

async function started(world: World, disk: SimulatedDisk, limits: Partial<BrokerLimits>, name: string) {
  const machine = world.machine(name)
  const config = brokerConfig({
    maintenanceIntervalMs: 2_500,
    fsyncIntervalMs,
    ...limits,
    clock: machine.clock,
  })
  const node = await world.ended(openNode(disk.openedBy(machine), config), 10_000)
  for (const [topic, config] of Object.entries(topics)) {
    if (node.services.topics.get(topic)) continue
    const wanted = { name: topic, partitionCount: 1, replicationFactor: 1 }
    node.services.topics.create({ ...wanted, config: { 'retention.ms': '-1', ...config } }, false)
  }
  return { machine, node, served: serveNode(node, config) }
}

/** What the group has read is in both outputs, once, and nothing else is. */
function expectWhole(node: BrokerNode): number {
  const { topics } = node.services
  const count = committedIn(node)
  const input = topics.log('in', 0)
  expect(input.endOffset).toBeGreaterThanOrEqual(count)
  expect(input.startOffset).toBeLessThanOrEqual(count)
  expect(committedValuesIn(node, 'out').map(([, i]) => i)).toEqual(Array.from({ length: count }, (_, i) => i))
  const table = new Map(Array.from({ length: count }, (_, i) => [keyOf(i), i]))
  expect(new Map(committedValuesIn(node, 'table'))).toEqual(table)
  return count
}

/** Runs one seed through several losses of power; each of them must leave transactions whole. */
async function livesOf(seed: number, limits: Partial<BrokerLimits>, lostMsMax: number): Promise<number> {
  const world = new World(seed)
  const disk = new SimulatedDisk()
  let count = 0
  for (let life = 0; life < 5; life++) {
    const { machine, node, served } = await started(world, disk, limits, `life-${life}`)
    const copying = new Copying(node, served, machine, world.random)
    await world.pass(200 + world.random() * 9_000)
    expect(copying.failure).toBeUndefined()
    const diedAtMs = machine.clock.now()
    machine.kill()
    const isPowerLost = world.random() < 0.8
    if (isPowerLost) disk.losePower(world.random)
    const after = await started(world, disk, limits, `after-${life}`)
    count = expectWhole(after.node)
    for (const [i, atMs] of copying.acknowledgedAtMs)
      if (!isPowerLost || atMs < diedAtMs - lostMsMax) expect(count).toBeGreaterThan(i)
    // Another process dies right behind its start.
    if (world.random() < 0.5) await world.pass(world.random() * 100)
    after.machine.kill()
    if (world.random() < 0.5) disk.losePower(world.random)
  }
  return count
}

describe('a broker that loses its power', () => {
  test.each([
    { fsync: 'always', lostMsMax: 0 },
    // A second, and what the medium takes.
    { fsync: 'interval', lostMsMax: fsyncIntervalMs + 100 },
  ] as const)(
    'has each transaction wholly or not at all, and with fsync $fsync loses at most $lostMsMax ms of them',
    async ({ fsync, lostMsMax }) => {
      let count = 0
      for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 292]) {
        try {
          count += await livesOf(seed, { fsync }, lostMsMax)
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error })
        }
      }
      expect(count).toBeGreaterThan(250)
    },
  )
})
