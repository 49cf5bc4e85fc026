import { concat, defer, EMPTY } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Kafka } from '../../src/kafka/types.ts'
import type { Environment } from '../../src/runtime/environment.ts'
import { StandbyTask } from '../../src/runtime/standby-task.ts'
import { createTaskStores, type TaskStores } from '../../src/runtime/task-stores.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const app = topology('copied', ({ stream }) => {
  stream(topic('in', { key: serdes.string, value: serdes.long }))
    .groupByKey()
    .count('seen')
})
const changelog = topic('copied-seen-changelog', { key: serdes.string, value: serdes.json<number>() })
const halfOfDeleteRetentionMs = 12 * 3_600_000

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

/** Stores of a task, and how they are made; the test writes the changelog. */
async function copied(environment: Partial<Environment> = {}) {
  const context = await instanceContext(app, { kafka: rig.kafka, ...environment })
  const [layout] = context.layout.subTopologies
  if (!layout) throw new Error('it has no sub-topology')
  const create = () => createTaskStores({ context, globalStores: new Map(), layout, partition: 0 })
  return { context, create, stores: create() }
}

const rows = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: 1, timestampMs: from + i }))

const { signal } = new AbortController()
const sizeOf = ({ task }: TaskStores) => task.stores.get('seen')?.size

describe('a copy', () => {
  test('reads on from where it is, and says how far it was behind', async () => {
    const { stores } = await copied()
    await rig.produce(changelog, rows(0, 5))
    expect(await stores.state.follow(signal)).toBe(5)
    expect(await stores.state.follow(signal)).toBe(0)
    await rig.produce(changelog, rows(5, 2))
    expect(await stores.state.follow(signal)).toBe(2)
    expect(sizeOf(stores)).toBe(7)
    expect(await stores.state.restore(signal, new Map())).toEqual({ fromCheckpoint: 0, fromTopic: 0 })
  })

  test('does not see what is not committed', async () => {
    const { stores } = await copied()
    await rig.produce(changelog, rows(0, 1))
    const producer = await rig.kafka.transactionalProducer({ transactionalId: 'copied-in_0' })
    const columns = { keys: [Buffer.from('k1')], values: [changelog.value.serialize(1)], timestampsMs: [1] }
    await producer.send(changelog.name, 0, columns)
    await stores.state.follow(signal)
    expect(sizeOf(stores)).toBe(1)
    await producer.commit()
    await vi.waitFor(async () => expect(await stores.state.follow(signal)).toBeGreaterThan(0))
    expect(sizeOf(stores)).toBe(2)
    await producer.close()
  })

  test('ends with a sentence where the changelog was made anew, though it is longer by now', async () => {
    const { stores } = await copied()
    await rig.produce(changelog, rows(0, 5))
    await stores.state.follow(signal)
    await rig.kafka.admin.deleteTopics([changelog.name])
    await rig.produce(changelog, rows(100, 9))
    await expect(stores.state.follow(signal)).rejects.toThrow('was made anew')
  })

  test('is of no use when it has slept for so long that deletions may be gone', async () => {
    let sleptMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + sleptMs }
    const { stores } = await copied({ clock })
    await rig.produce(changelog, rows(0, 5))
    await stores.state.follow(signal)
    await rig.produce(changelog, rows(5, 5))
    sleptMs = halfOfDeleteRetentionMs + 1
    expect(await stores.state.leadsOn()).toBe(false)
    expect(await stores.state.follow(signal)).toBeUndefined()
  })

  test('does not grow old while nothing happens', async () => {
    let sleptMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + sleptMs }
    const { stores } = await copied({ clock })
    await rig.produce(changelog, rows(0, 5))
    await stores.state.follow(signal)
    sleptMs = halfOfDeleteRetentionMs + 1
    await stores.state.follow(signal)
    await rig.produce(changelog, rows(5, 5))
    expect(await stores.state.follow(signal)).toBe(5)
  })
})

test('a copy that was interrupted goes on from there, and so does its checkpoint', async () => {
  const ending = new AbortController()
  // What is fetched at once by a test is a record at a time here.
  const kafka: Kafka = {
    ...rig.kafka,
    read: (name, partition, { fromOffset = 0, toOffset }) =>
      concat(
        rig.kafka.read(name, partition, { fromOffset, toOffset: fromOffset + 1 }),
        defer(() => {
          if (fromOffset === 2) ending.abort(new Error('it comes here'))
          return toOffset === fromOffset + 1
            ? EMPTY
            : kafka.read(name, partition, { fromOffset: fromOffset + 1, toOffset })
        }),
      ),
  }
  const stateDir = new MemoryDirectory(systemClock)
  const { stores, create } = await copied({ kafka, stateDir })
  await rig.produce(changelog, rows(0, 2))
  await stores.state.follow(signal)
  await rig.produce(changelog, rows(2, 4))
  await expect(stores.state.follow(ending.signal)).rejects.toThrow('it comes here')
  const { fromTopic } = await stores.state.restore(signal, new Map())
  expect([fromTopic, sizeOf(stores)]).toEqual([3, 6])
  await stores.state.close()
  const next = create()
  expect(await next.state.restore(signal, new Map())).toEqual({ fromCheckpoint: 6, fromTopic: 0 })
  expect(sizeOf(next)).toBe(6)
})

test('who keeps a copy looks again while it is too far behind, and comes nearer by that', async () => {
  const lagsOf = async (lags: readonly number[]) => {
    const { context, stores } = await copied({ acceptableRecoveryLag: 100 })
    const follow = vi.spyOn(stores.state, 'follow')
    for (const lag of lags) follow.mockResolvedValueOnce(lag)
    const followed = vi.fn()
    const standby = new StandbyTask({ id: 'in_0', context, create: () => stores, followed })
    standby.follow()
    await vi.waitFor(() => expect(followed).toHaveBeenCalledOnce())
    return [standby.lag, follow.mock.calls.length]
  }
  expect(await lagsOf([1_000_000, 20_000, 100])).toEqual([100, 3])
  // It can't keep pace.
  expect(await lagsOf([1_000_000, 20_000, 20_001])).toEqual([20_001, 3])
})

test('who keeps a copy that is of no use begins anew, and says nothing of it until that has come so far', async () => {
  let sleptMs = 0
  const clock = { ...systemClock, now: () => systemClock.now() + sleptMs }
  const { context, create } = await copied({ clock })
  let looks = 0
  const standby = new StandbyTask({ id: 'in_0', context, create, followed: () => looks++ })
  const follow = async () => {
    const before = looks
    standby.follow()
    await vi.waitFor(() => expect(looks).toBe(before + 1))
    // The next one is not refused.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await rig.produce(changelog, rows(0, 5))
  await follow()
  expect(standby.lag).toBe(5)
  await rig.produce(changelog, rows(5, 4))
  sleptMs = halfOfDeleteRetentionMs + 1
  await follow()
  expect(standby.lag).toBeUndefined()
  await follow()
  const stores = await standby.release()
  expect(stores && sizeOf(stores)).toBe(9)
  expect(context.failures).toEqual([])
})
