import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastValueFrom } from 'rxjs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Environment, RuntimeEvent } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { queryable } from '../../src/stream/queryable.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { app as killed, input as killedInput, output as killedOutput } from '../support/counting-on-disk.ts'
import { byKey, KafkaRig } from '../support/kafka-rig.ts'
import { startProcess } from '../support/process.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.nullable(serdes.long) })

const app = topology('kept', ({ stream }) => {
  const counts = stream(input)
    .groupByKey()
    .aggregate(
      'counts',
      { initializer: () => 0, aggregator: (sum, value) => (value === 0 ? null : sum + value) },
      { value: serdes.long },
    )
  counts.toStream().to(output)
  return { counts: queryable(counts) }
})

/** A 0 deletes the sum of its key. */
const records: PlainRecord<string, number>[] = Array.from({ length: 300 }, (_, i) => ({
  key: `k${(i * 7) % 41}`,
  value: i % 11,
  timestampMs: i,
}))

let rig: KafkaRig
let stateDir: string
beforeEach(async () => {
  rig = await KafkaRig.start()
  stateDir = await mkdtemp(join(tmpdir(), 'rivulet-rows-'))
})
afterEach(async () => {
  await rig.close()
  await rm(stateDir, { recursive: true, force: true })
})

/** One life of the program: works off what is there, answers what `ask` finds out, and stops. */
async function live(environment: Partial<Environment> = { storeType: 'disk' }) {
  const starts: Extract<RuntimeEvent, { type: 'task-started' }>[] = []
  const running = rig.run(app, { stateDir, ...environment })
  running.events$.subscribe((event) => {
    if (event.type === 'task-started') starts.push(event)
  })
  await running.started
  await rig.workedOff([running], ['in'])
  const query = running.query(app.stores.counts)
  const rows = [...query.all()].map(({ key, value }) => [key, value] as const)
  expect(query.size()).toBe(rows.length)
  for (const [key, value] of rows) expect(query.get(key)).toBe(value)
  await running.stop()
  return { ...starts[0], rows: new Map(rows) }
}

const sums = (of: readonly PlainRecord<string, number>[]) => {
  const rows = new Map<string, number>()
  for (const { key, value } of of) {
    if (value === 0) rows.delete(key)
    else rows.set(key, (rows.get(key) ?? 0) + value)
  }
  return rows
}

async function rowFiles(): Promise<string[]> {
  const names = await readdir(stateDir, { recursive: true })
  return names
    .filter((name) => name.endsWith('.rows') && /\d\.rows$/.test(name))
    .map((name) => join(stateDir, name))
}

test('are there after a stop, and nothing is read from the changelog', async () => {
  await rig.produce(input, records.slice(0, 150))
  expect((await live()).rows).toEqual(sums(records.slice(0, 150)))
  await rig.produce(input, records.slice(150))
  const { rows, fromCheckpoint, fromTopic } = await live()
  expect(rows).toEqual(sums(records))
  expect(fromCheckpoint).toBe(sums(records.slice(0, 150)).size)
  expect(fromTopic).toBe(0)
})

test('come from the changelog where they are damaged, or were in memory before', async () => {
  await rig.produce(input, records.slice(0, 100))
  await live({ storeType: 'memory' })
  await rig.produce(input, records.slice(100, 200))
  expect(await live()).toMatchObject({ fromCheckpoint: 0, rows: sums(records.slice(0, 200)) })
  for (const path of await rowFiles()) {
    const bytes = await readFile(path)
    bytes.fill(0x5a, 100, 140)
    await writeFile(path, bytes)
  }
  await rig.produce(input, records.slice(200))
  const { rows, fromTopic } = await live()
  expect(rows).toEqual(sums(records))
  expect(fromTopic).toBeGreaterThan(0)
})

test('go back into memory where the environment no longer says disk', async () => {
  await rig.produce(input, records.slice(0, 100))
  await live()
  await rig.produce(input, records.slice(100))
  expect((await live({})).rows).toEqual(sums(records))
})

test('need a folder, and say so', async () => {
  const running = rig.run(app, { storeType: 'disk' })
  await expect(lastValueFrom(running.events$)).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: 'the store "counts" is to be on disk: stateDir must say where',
  })
})

test('are exact however often the process is killed in the middle of its commits', async () => {
  const program = 'test/support/counting-on-disk.ts'
  let produced = 0
  for (let life = 0; life < 3; life++) {
    const process = startProcess(program, [rig.broker.brokers[0]!, stateDir])
    await process.wrote('stdout', /task-started/)
    const commits = () => process.output.stdout.split('committed').length - 1
    while (commits() < 3 + life) {
      const burst = Array.from({ length: 200 }, () => {
        return { key: `k${(++produced * 7) % 41}`, value: 1, timestampMs: produced }
      })
      await rig.produce(killedInput, burst)
    }
    process.signal('SIGKILL')
    await process.ended
  }
  expect(await rowFiles()).not.toEqual([])
  const last = rig.run(killed, { stateDir, groupInstanceId: 'one' })
  await last.started
  await rig.workedOff([last], ['in'])
  await last.stop()
  for (const counts of Object.values(byKey(await rig.read(killedOutput))))
    expect(counts.map(([count]) => count)).toEqual(counts.map((_, i) => i + 1))
  expect(await rig.read(killedOutput)).toHaveLength(produced)
}, 90_000)
