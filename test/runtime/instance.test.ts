import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { compile } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Sink, SinkWriter } from '../../src/stream/sink.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'
import { WatchedKafka } from '../support/watched-kafka.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.long })
const rates = topic('rates', { key: serdes.string, value: serdes.long })
const one = [{ key: 'k', value: 1, timestampMs: 1 }]

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

/** A sink that is opened when the test says so. */
class LateSink implements Sink<string, number> {
  readonly name = 'late'
  readonly connection = 'late'
  closed = 0
  opening = false
  letOpen = () => {}
  readonly failure: Error | undefined

  constructor(failure?: Error) {
    this.failure = failure
  }

  async open(): Promise<SinkWriter<string, number>> {
    this.opening = true
    await new Promise<void>((resolve) => {
      this.letOpen = resolve
    })
    const writer = await new MemorySink<string, number>().open()
    const close = async () => {
      this.closed++
      if (this.failure) throw this.failure
    }
    return { ...writer, close }
  }
}

const sinking = (sink: Sink<string, number>) =>
  topology('sinking', ({ stream }) => {
    stream(input).batch({ rowsMax: 10, waitMsMax: 10 }).to(sink)
  })

describe('an instance that is stopped', () => {
  test('while it reads global tables reads no more of them', async () => {
    const kafka = new WatchedKafka(rig.kafka)
    kafka.hold('read')
    await rig.produce(rates, one)
    const app = topology('rating', ({ stream, globalTable }) => {
      stream(input)
        .join(globalTable(rates), { foreignKey: (_, key) => key }, (value, rate) => value * rate)
        .to(output)
    })
    const running = rig.run(app, { kafka })
    await vi.waitFor(() => expect(kafka.reads).toBe(1))
    expect(await running.stop()).toBe('drained')
    expect(kafka.reads).toBe(0)
  })

  test('before a sink is open closes it when it opens', async () => {
    const sink = new LateSink()
    const running = rig.run(sinking(sink), { connections: { late: {} } })
    await vi.waitFor(() => expect(sink.opening).toBe(true))
    await running.stop()
    expect(sink.closed).toBe(0)
    sink.letOpen()
    await vi.waitFor(() => expect(sink.closed).toBe(1))
  })

  test('and can not drain leaves no timer behind', async () => {
    const sink = new LateSink(new Error('the table does not close'))
    const stopTimeoutMs = 12_345
    let waiting = 0
    const sleep: Clock['sleep'] = async (ms, signal) => {
      if (ms !== stopTimeoutMs) return systemClock.sleep(ms, signal)
      waiting++
      await systemClock.sleep(ms, signal).finally(() => waiting--)
    }
    const clock = { ...systemClock, sleep }
    const running = rig.run(sinking(sink), { connections: { late: {} }, clock, stopTimeoutMs })
    await vi.waitFor(() => expect(sink.opening).toBe(true))
    sink.letOpen()
    await running.started
    await expect(running.stop()).rejects.toThrow('the table does not close')
    await vi.waitFor(() => expect(waiting).toBe(0))
  })

  test('by nobody who listens says in the log what went wrong', async () => {
    const sink = new LateSink(new Error('the table does not close'))
    const errors: string[] = []
    const logger = Object.assign(Object.create(silentLogger), {
      error: (message: string) => errors.push(message),
    })
    const started = new Promise<void>((resolve) => {
      const environment = { kafka: rig.kafka, connections: { late: {} }, logger }
      const subscription = compile(sinking(sink), environment).subscribe(({ type }) => {
        if (type !== 'started') return
        subscription.unsubscribe()
        resolve()
      })
    })
    await vi.waitFor(() => expect(sink.opening).toBe(true))
    sink.letOpen()
    await started
    await vi.waitFor(() => expect(errors).toEqual(['the table does not close']))
  })
})

describe('an instance that fails', () => {
  let stateDir: string
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'rivulet-state-'))
  })
  afterEach(() => rm(stateDir, { recursive: true, force: true }))

  /** Files below a folder that this process has open; undefined: this system does not tell. */
  async function openBelow(folder: string): Promise<string[] | undefined> {
    const descriptors = await readdir('/proc/self/fd').catch(() => undefined)
    const links = descriptors?.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
    return links && (await Promise.all(links)).filter((path) => path.startsWith(folder))
  }

  test('closes the checkpoints of its stores', async (context) => {
    if (!(await openBelow(stateDir))) context.skip('no /proc tells which files are open here')
    const app = topology('failing', ({ stream }) => {
      stream(input)
        .peek((value) => {
          if (value === 13) throw new Error('unlucky')
        })
        .groupByKey()
        .count('count')
    })
    await rig.produce(input, one)
    const running = rig.run(app, { stateDir })
    await vi.waitFor(async () => expect(await openBelow(stateDir)).toHaveLength(1))
    await rig.produce(input, [{ key: 'k', value: 13, timestampMs: 2 }])
    await expect(running.done).rejects.toMatchObject({ code: 'CALLBACK_FAILED' })
    await vi.waitFor(async () => expect(await openBelow(stateDir)).toEqual([]))
  })

  test('closes its sinks', async () => {
    const sink = new LateSink()
    const app = topology('failing', ({ stream }) => {
      stream(input).batch({ rowsMax: 10, waitMsMax: 10 }).to(sink)
      stream(rates)
        .peek(() => {
          throw new Error('unlucky')
        })
        .to(output)
    })
    const running = rig.run(app, { connections: { late: {} } })
    await vi.waitFor(() => expect(sink.opening).toBe(true))
    sink.letOpen()
    await running.started
    await rig.produce(rates, one)
    await expect(running.done).rejects.toMatchObject({ code: 'CALLBACK_FAILED' })
    await vi.waitFor(() => expect(sink.closed).toBe(1))
  })
})
