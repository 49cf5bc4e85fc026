import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastValueFrom, NEVER, toArray } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lastHeader } from '../../src/records/chunk.ts'
import type { Environment, Running } from '../../src/runtime/run.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { KeyValueStore } from '../../src/state/key-value-store.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import { FakeRegistry, registrySerde, withSchema } from '../support/fake-registry.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'

/** What another program has written, with schemas of its own. */
const written = topic('in', { key: serdes.string, value: serdes.bytes })
const letters = topic('in-dead-letters', { key: serdes.bytes, value: serdes.bytes })

let rig: KafkaRig
let registry: FakeRegistry
let stateDir: string
beforeEach(async () => {
  rig = await KafkaRig.start()
  registry = new FakeRegistry()
  stateDir = await mkdtemp(join(tmpdir(), 'rivulet-state-'))
})
afterEach(async () => {
  await rig.close()
  await rm(stateDir, { recursive: true, force: true })
})

async function produceTexts(...texts: readonly string[]): Promise<void> {
  const records = texts.map((text, i) => ({ key: 'k', value: Buffer.from(text), timestampMs: i }))
  await rig.produce(written, records)
}

/** The same topic with a serde that has cached nothing yet. */
const input = () => topic('in', { key: serdes.string, value: registrySerde(registry) })

/** A record for each text, in the schema of that id. */
async function produce(schema: number, ...texts: readonly string[]): Promise<void> {
  const records = texts.map((text, i) => ({ key: 'k', value: withSchema(schema, text), timestampMs: i }))
  await rig.produce(written, records)
}

/** Starts while the registry is away; it comes back when it was asked some times. */
async function runWhileAway(app: Topology, environment: Partial<Environment> = {}): Promise<Running> {
  registry.isAway = true
  const before = registry.asked.length
  const running = rig.run(app, environment)
  await vi.waitFor(() => expect(registry.asked.length).toBeGreaterThanOrEqual(before + 3), {
    timeout: 20_000,
  })
  registry.isAway = false
  return running
}

function rowOf(running: Running, store: string): unknown {
  const [found] = running.stores(store)
  return found instanceof KeyValueStore ? found.get('k') : undefined
}

test('a sink gets all of it in order once the registry is back; an unknown schema makes a dead letter', async () => {
  const known = registry.add('known')
  await produce(known, 'a', 'b')
  await produce(77, 'of no schema')
  await produce(known, 'c')
  const sink = new MemorySink<string, string>()
  const app = topology('sinking', ({ stream }) => {
    stream(input()).batch({ rowsMax: 10, waitMsMax: 1 }).to(sink)
  })
  const running = await runWhileAway(app, { connections: { memory: {} } })
  await rig.workedOff([running], ['in'])
  expect(sink.values).toEqual(['a', 'b', 'c'])
  const [letter, ...others] = await rig.read(letters)
  expect(others).toEqual([])
  expect(letter?.value).toEqual(withSchema(77, 'of no schema'))
  expect(String(lastHeader(letter?.headers, 'reason'))).toBe('value: the registry has no schema 77')
})

describe.each(['the changelog', 'the checkpoint'] as const)('state that is restored from %s', (from) => {
  test('waits for the schemas of its values, and each is asked for once', async () => {
    const app = (value: Serde<string>) =>
      topology('joining', ({ stream }) => {
        stream(topic('in', { key: serdes.string, value: serdes.string }))
          .groupByKey()
          .reduce('texts', (all, text) => `${all} ${text}`, { value })
          .toStream()
          .to(topic('out', { key: serdes.string, value: serdes.nullable(serdes.string) }))
      })
    const environment = from === 'the checkpoint' ? { stateDir } : {}
    await produceTexts('a', 'b')
    const first = await runWhileAway(app(registrySerde(registry)), environment)
    await rig.workedOff([first], ['in'])
    await first.stop()
    expect(registry.answered).toEqual(['register joining-texts-changelog-value'])
    await produceTexts('c')
    // It may write already, and has read nothing yet.
    const { prepareWrite: _, ...reading } = registrySerde(registry)
    const second = await runWhileAway(
      app({ ...reading, serialize: (text) => withSchema(1, text) }),
      environment,
    )
    const events = lastValueFrom(second.events$.pipe(toArray()))
    await rig.workedOff([second], ['in'])
    expect(rowOf(second, 'texts')).toBe('a b c')
    expect(registry.answered.slice(1)).toEqual(['schema 1'])
    await second.stop()
    expect(await events).toContainEqual({
      type: 'task-started',
      task: 'in_0',
      fromCheckpoint: from === 'the checkpoint' ? 1 : 0,
      fromTopic: from === 'the checkpoint' ? 0 : 1,
    })
  })
})

test('a global table waits for its schemas before anything runs, and goes on by new ones', async () => {
  const schema = registry.add('first')
  await produce(schema, 'a')
  await produce(77, 'of no schema')
  const app = topology('global', ({ stream, globalTable }) => {
    const rows = globalTable(input(), { name: 'rows' })
    const other = topic('other', { key: serdes.string, value: serdes.string })
    stream(other)
      .join(rows, { foreignKey: (value) => value }, (value, row) => value + row)
      .to(topic('out', { key: serdes.string, value: serdes.string }))
  })
  const running = await runWhileAway(app)
  await running.started
  expect(rowOf(running, 'rows')).toBe('a')
  expect(running.status().counters.dead_letters).toBe(1)
  await produce(registry.add('second'), 'b')
  await vi.waitFor(() => expect(rowOf(running, 'rows')).toBe('b'), { timeout: 20_000 })
  expect(registry.asked.filter((question) => question.startsWith('register'))).toEqual([])
})

test('the tail of a topic that a source reads waits for its schemas', async () => {
  const schema = registry.add('first')
  await produce(schema, 'a', 'b', 'c')
  const tail: string[] = []
  const app = topology('tailing', ({ source }) => {
    source('reader', (context) => {
      const read = async () => {
        for await (const { value } of context.tail(input())) tail.push(value)
      }
      void read()
      return NEVER
    }).to(topic('out', { key: serdes.json(), value: serdes.json() }))
  })
  await runWhileAway(app)
  await vi.waitFor(() => expect(tail).toEqual(['c', 'b', 'a']), { timeout: 20_000 })
})

test('a program that waits for its registry is stopped at once', async () => {
  await produce(registry.add('first'), 'a')
  registry.isAway = true
  const app = topology('stopping', ({ stream }) => {
    stream(input()).to(topic('out', { key: serdes.string, value: serdes.string }))
  })
  const running = rig.run(app)
  await vi.waitFor(() => expect(registry.asked.length).toBeGreaterThan(0))
  await expect(running.stop()).resolves.toBe('drained')
  const [offset] = await rig.kafka.admin.committedOffsets('stopping', ['in'])
  expect(offset?.offset ?? 0).toBe(0)
})
