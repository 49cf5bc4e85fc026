import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedBroker, startBroker } from '../../../src/broker/index.ts'
import { connectKafka } from '../../../src/kafka/kafka.ts'
import type { Kafka } from '../../../src/kafka/types.ts'
import { silentLogger } from '../../../src/logger.ts'
import { runInstances } from '../../../src/runtime/instances/run-instances.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { topic } from '../../../src/stream/topic.ts'
import { readTopic } from '../../support/read-topic.ts'

const partitions = 6
const programPath = fileURLToPath(new URL('program.ts', import.meta.url))

type Said = Readonly<Record<string, unknown>>

/** A process that has instances, and what it says. */
class Program {
  readonly child: ChildProcess
  readonly #said: Said[] = []
  #heard = () => {}

  constructor(brokers: readonly string[], module: string, instances: number) {
    this.child = spawn(process.execPath, ['--import', 'tsx', programPath, module, `${instances}`], {
      env: { ...process.env, KAFKA_BROKERS: brokers.join(',') },
      stdio: ['pipe', 'pipe', 'inherit'],
      // One that hangs does not hear that its parent has gone: all of them are killed together.
      detached: true,
    })
    createInterface(this.child.stdout as NonNullable<ChildProcess['stdout']>).on('line', (line) => {
      this.#said.push(JSON.parse(line))
      this.#heard()
    })
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  /** The first that it says with one of these words. */
  async said(...words: readonly string[]): Promise<unknown> {
    for (;;) {
      const found = this.#said.find((each) => words.some((word) => word in each))
      if (found) {
        this.#said.splice(this.#said.indexOf(found), 1)
        return Object.values(found)[0]
      }
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }
}

const words = topic('words', { key: serdes.string, value: serdes.string, partitions })
const counts = topic('counts', { key: serdes.string, value: serdes.long })

let folder: string
let broker: EmbeddedBroker
let kafka: Kafka
let program: Program | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-instances-'))
  broker = await startBroker({ dataDir: folder })
  kafka = connectKafka({ brokers: broker.brokers, clientId: 'test', logger: silentLogger })
  await kafka.admin.ensureTopics([words, counts])
})

afterEach(async () => {
  if (program && program.child.exitCode === null) {
    process.kill(-(program.child.pid ?? 0), 'SIGKILL')
    await once(program.child, 'exit')
  }
  program = undefined
  await kafka.close()
  await broker.close()
  rmSync(folder, { recursive: true })
})

function start(module: string, instances: number): Program {
  program = new Program(broker.brokers, module, instances)
  return program
}

/** To each partition, whose number is the key. */
async function write(word: string, count: number): Promise<void> {
  const producer = kafka.producer()
  for (let partition = 0; partition < partitions; partition++) {
    const of = (text: string) => Array.from({ length: count }, () => Buffer.from(text))
    const timestampsMs = Array.from({ length: count }, () => Date.now())
    await producer.send('words', partition, { keys: of(`${partition}`), values: of(word), timestampsMs })
  }
  await producer.close()
}

/** Of each key the counts that came out: from one on, each once. */
async function expectCounts(atLeast: number): Promise<void> {
  const [range] = await kafka.admin.offsets('counts')
  const read = kafka.read('counts', 0, { fromOffset: 0, toOffset: range?.endOffset ?? 0 })
  const found = new Map<string, number[]>()
  await read.forEach(({ chunk: { keys, values } }) => {
    for (let i = 0; i < keys.length; i++) {
      const [key, value] = [`${keys.at(i)}`, values.at(i)]
      found.set(key, [...(found.get(key) ?? []), value ? serdes.long.deserialize(value) : Number.NaN])
    }
  })
  expect(found.size).toBe(partitions)
  for (const counted of found.values()) {
    expect(counted.length).toBeGreaterThanOrEqual(atLeast)
    expect(counted).toEqual(counted.map((_, i) => i + 1))
  }
}

describe('instances in processes of their own', () => {
  test('share the partitions, and count each record once, until they are stopped', async () => {
    await write('word', 500)
    const running = start('./counting.ts', 3)
    await running.said('started')
    await readTopic(kafka, counts, partitions * 500)
    let shared: number[][] = []
    while (shared.some((of) => of.length !== 2) || shared.length !== 3) {
      running.tell('statuses')
      shared = (await running.said('partitions')) as number[][]
    }
    expect(shared.flat().toSorted()).toEqual([0, 1, 2, 3, 4, 5])
    await write('word', 500)
    const ended = once(running.child, 'exit')
    running.tell('stop')
    expect(await running.said('stopped')).toBe('drained')
    await ended
    expect(running.child.exitCode).toBe(0)
    await expectCounts(500)
  })

  test('all end with what ends one of them, which says why and where', async () => {
    const running = start('./counting.ts', 2)
    // It may end as soon as it has said why.
    const ended = once(running.child, 'exit')
    await running.said('started')
    await write('poison', 1)
    expect(await running.said('failed')).toMatchObject({
      code: 'CALLBACK_FAILED',
      message: expect.stringContaining('poison was read'),
      place: { step: expect.any(String), topic: 'words' },
    })
    await ended
    expect(running.child.exitCode).toBe(1)
  })

  test('that hear nothing any more are ended when their time is up', async () => {
    const running = start('./counting.ts', 2)
    await running.said('started')
    await write('hang', 1)
    // Until one hangs, they answer.
    let said: unknown = []
    while (Array.isArray(said)) {
      running.tell('statuses')
      said = await running.said('partitions', 'failed')
    }
    expect(said).toMatchObject({ code: 'TIMED_OUT' })
    running.tell('stop')
    expect(await running.said('stopped')).toBe('cut-off')
  })

  test('say what is wrong with a module that makes no instance, or is not there', async () => {
    const broken = start('./broken.ts', 2)
    expect(await broken.said('failed')).toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringMatching(/broken.ts must export by default/),
    })
    const missing = start('./missing.ts', 1)
    expect(await missing.said('failed')).toMatchObject({ message: expect.stringContaining('missing.ts') })
  })

  test('are a whole number', () => {
    expect(() => runInstances(new URL('./broken.ts', import.meta.url), { instances: 0 })).toThrow(/instances/)
  })
})
