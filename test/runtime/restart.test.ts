import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Environment, RuntimeEvent } from '../../src/runtime/run.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { tumbling } from '../../src/windows/windows.ts'
import { byKey, KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.nullable(serdes.json<number>()) })

/** Late by event time for some: where stream time stands decides which records count. */
const app = topology('restarted', ({ stream }) => {
  stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 50, graceMs: 10 }))
    .reduce('sum', (sum, value) => sum + value)
    .toStream()
    .map((sum, { key, startMs }) => [`${key}@${startMs}`, sum])
    .to(output)
})

const records: PlainRecord<string, number>[] = Array.from({ length: 400 }, (_, i) => ({
  key: `k${i % 3}`,
  value: i,
  timestampMs: i * 2 + (i % 13 === 0 ? 45 : 0),
}))

let rig: KafkaRig
let stateDir: string
beforeEach(async () => {
  rig = await KafkaRig.start()
  stateDir = await mkdtemp(join(tmpdir(), 'rivulet-state-'))
})
afterEach(async () => {
  await rig.close()
  await rm(stateDir, { recursive: true, force: true })
})

/** One life of the program: works off what is there, and stops. */
async function live(
  environment: Partial<Environment>,
): Promise<Extract<RuntimeEvent, { type: 'task-started' }>[]> {
  const starts: Extract<RuntimeEvent, { type: 'task-started' }>[] = []
  const running = rig.run(app, environment)
  running.events$.subscribe({
    next: (event) => {
      if (event.type === 'task-started') starts.push(event)
    },
    error: () => {},
  })
  await running.started
  await rig.workedOff([running], ['in'])
  await running.stop()
  return starts
}

function uninterrupted(): Record<string, unknown> {
  const driver = new TestDriver(app)
  driver.pipe(input, ...records)
  return byKey(driver.read(output))
}

describe.each(['exactly-once', 'at-least-once'] as const)('with %s', (processing) => {
  test('a stop and a start in the middle change nothing: windows stay open, and stream time where it was', async () => {
    await rig.produce(input, records.slice(0, 170))
    await live({ processing })
    await rig.produce(input, records.slice(170))
    const [start] = await live({ processing })
    expect(start?.fromTopic).toBeGreaterThan(0)
    expect(byKey(await rig.read(output))).toEqual(uninterrupted())
  })

  test('what was processed and not yet committed is committed when it stops', async () => {
    await rig.produce(input, records)
    const running = rig.run(app, { processing, commitIntervalMs: 600_000 })
    await running.started
    await vi.waitFor(() => expect(running.status().nodes[0]?.total).toBe(records.length))
    expect(running.status().partitions[0]?.committed).toBe(0)
    await running.stop()
    const [committed] = await rig.kafka.admin.committedOffsets('restarted', ['in'])
    expect(committed?.offset).toBe(records.length)
    expect(byKey(await rig.read(output))).toEqual(uninterrupted())
  })

  test('with a checkpoint on the local disk, nothing is read from the changelog after a clean stop', async () => {
    await rig.produce(input, records.slice(0, 170))
    await live({ processing, stateDir })
    await rig.produce(input, records.slice(170))
    const [start] = await live({ processing, stateDir })
    expect(start?.fromCheckpoint).toBeGreaterThan(0)
    expect(start?.fromTopic).toBe(0)
    expect(byKey(await rig.read(output))).toEqual(uninterrupted())
  })
})

test('what a crash has torn off the checkpoint comes from the changelog', async () => {
  await rig.produce(input, records.slice(0, 100))
  await live({ stateDir })
  await rig.produce(input, records.slice(100, 200))
  await live({ stateDir })
  const [file = ''] = (await readdir(stateDir, { recursive: true })).filter((name) =>
    name.endsWith('.checkpoint'),
  )
  const path = join(stateDir, file)
  await truncate(path, (await stat(path)).size - 7)
  await rig.produce(input, records.slice(200))
  const [start] = await live({ stateDir })
  expect(start?.fromTopic).toBeGreaterThan(0)
  expect(byKey(await rig.read(output))).toEqual(uninterrupted())
})

test('the checkpoint of another cluster is not taken for this one', async () => {
  await rig.produce(input, records)
  await live({ stateDir })
  await rig.close()
  rig = await KafkaRig.start()
  await rig.produce(input, records)
  const [start] = await live({ stateDir })
  expect(start).toMatchObject({ fromCheckpoint: 0, fromTopic: 0 })
  expect(byKey(await rig.read(output))).toEqual(uninterrupted())
})

test('the checkpoint of a changelog that was made anew, and has grown beyond it, is not taken for its own', async () => {
  await rig.produce(input, records.slice(0, 20))
  await live({ stateDir })
  await rig.kafka.admin.deleteGroup('restarted')
  await rig.kafka.admin.deleteTopics(['in', 'restarted-sum-changelog'])
  await rig.produce(input, records.slice(200))
  await live({})
  const [start] = await live({ stateDir })
  expect(start).toMatchObject({ fromCheckpoint: 0 })
  expect(start?.fromTopic).toBeGreaterThan(0)
})

test('what a start has read from the changelog is in the checkpoint from then on', async () => {
  const checkpoints = async () =>
    (await readdir(stateDir, { recursive: true }))
      .filter((name) => name.endsWith('.checkpoint'))
      .map((name) => join(stateDir, name))
  await rig.produce(input, records.slice(0, 150))
  await live({ stateDir })
  for (const path of await checkpoints()) await rm(path)
  await rig.produce(input, records.slice(150, 151))
  await live({ stateDir })
  await rig.produce(input, records.slice(151))
  const [start] = await live({ stateDir })
  expect(start?.fromTopic).toBe(0)
  expect(byKey(await rig.read(output))).toEqual(uninterrupted())
})

describe('a store that was written with another serde is named where it is restored', () => {
  const version = (value: Serde<number>) =>
    topology('restored', ({ stream }) => {
      stream(input).groupByKey().count('totals', { value })
    })

  async function restartedWithAnotherSerde(environment: Partial<Environment>): Promise<unknown> {
    await rig.produce(input, [{ key: 'k', value: 1, timestampMs: 1 }])
    const first = rig.run(version(serdes.json()), environment)
    await first.started
    await rig.workedOff([first], ['in'])
    await first.stop()
    return lastValueFrom(rig.run(version(serdes.long), environment).events$).catch((error) => error)
  }

  test('with the place in the changelog', async () => {
    expect(await restartedWithAnotherSerde({})).toMatchObject({
      code: 'DECODE_FAILED',
      message: expect.stringMatching(
        /^the store "totals" can't be restored from restored-totals-changelog\/0 offset 0: not a long: .* another serde\?/,
      ),
      place: { store: 'totals', topic: 'restored-totals-changelog', partition: 0, offset: 0 },
    })
  })

  test('with the file of the checkpoint', async () => {
    expect(await restartedWithAnotherSerde({ stateDir })).toMatchObject({
      code: 'DECODE_FAILED',
      message: expect.stringMatching(
        /^the store "totals" can't be restored from its checkpoint .*: not a long: /,
      ),
      place: { store: 'totals', path: expect.stringContaining('restored-totals-changelog.checkpoint') },
    })
  })
})
