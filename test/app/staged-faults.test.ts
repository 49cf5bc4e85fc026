import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { interval, Observable } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Connection, Connector } from '../../src/app/connector.ts'
import type { Problem } from '../../src/app/problems.ts'
import { program, type StartedProgram } from '../../src/app/program.ts'
import { type EmbeddedBroker, startBroker } from '../../src/broker/index.ts'
import { systemClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'
import type { SinkStatus } from '../../src/runtime/pipeline-status.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Sink } from '../../src/stream/sink.ts'
import type { Source, SourceContext } from '../../src/stream/source.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { MemorySink } from '../support/memory-sink.ts'

const clicks = topic('clicks', { key: serdes.string, value: serdes.string })

/** What a test lets go wrong. */
const fault = { silent: false, away: false, writeMs: 0 }
let context: SourceContext

const devices: Source<string> = (given) =>
  new Observable((subscriber) => {
    context = given
    given.setState('live')
    return interval(20).subscribe(() => {
      if (fault.silent) return
      given.messageReceived()
      subscriber.next('click')
    })
  })

const memory = new MemorySink<string, string>()

/** A table in memory: it is away when a test says so, and as slow. */
const table: Sink<string, string> = {
  name: 'table',
  connection: 'tables',
  async open(_, { tried, signal, clock }) {
    const writer = await memory.open()
    return {
      ...writer,
      async write(batch, refuse) {
        await clock.sleep(fault.writeMs, signal)
        while (fault.away) {
          tried?.('connection refused')
          await clock.sleep(100, signal)
        }
        tried?.(undefined)
        return writer.write(batch, refuse)
      },
    }
  },
}

const tables: Connector<Record<never, never>, Connection> = {
  settings: {},
  open: async () => ({
    async ping() {
      if (fault.away) throw new RivuletError('CLICKHOUSE_UNREACHABLE', 'connection refused by t:8123')
    },
    async close() {},
  }),
}

const shop = program({
  name: 'shop',
  summary: 'Clicks into a table.',
  connectors: { tables },
  topology: topology('shop', ({ source, stream }) => {
    source('devices', devices)
      .map('by page', (click) => ['page', click])
      .to(clicks)
    stream(clicks).batch({ rowsMax: 20, waitMsMax: 20 }).to('clicks to table', table)
  }),
})

let folder = ''
let broker: EmbeddedBroker
let started: StartedProgram

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-faults-'))
  broker = await startBroker({ dataDir: join(folder, 'broker') })
  started = await shop.start({
    args: ['--port', '0', '--data-dir', join(folder, 'data')],
    env: { KAFKA_BROKERS: broker.brokers.join() },
    logger: silentLogger,
  })
  await vi.waitFor(async () => expect((await answer()).sinks[0]?.rows).toBeGreaterThan(50), afterwards)
})
afterAll(async () => {
  await started?.stop().catch(() => undefined)
  await broker?.close()
  rmSync(folder, { recursive: true, force: true })
})

async function answer() {
  const response = await fetch(new URL('/api/pipeline', started.url))
  return (await response.json()) as { problems: Problem[]; sinks: SinkStatus[] }
}

async function told(): Promise<string> {
  return (await answer()).problems.map(({ what }) => what).join('\n')
}

const soon = { timeout: 5_000 }
const afterwards = { timeout: 20_000 }

describe.each([
  {
    name: 'a source from which nothing comes any more',
    strike: () => {
      fault.silent = true
    },
    mend: () => {
      fault.silent = false
    },
    sentence: /^The source "devices" is silent/,
  },
  {
    name: 'a connection that is away',
    strike: () => {
      fault.away = true
    },
    mend: () => {
      fault.away = false
    },
    sentence:
      /^"tables" does not answer: connection refused by t:8123\. Nothing is written by "clicks to table"/,
  },
  {
    name: 'a part of a source that the other side rejects',
    strike: () => context.rejected('cellar', 'cellar is no device'),
    mend: () => context.accepted('cellar'),
    sentence:
      /^The source "devices" goes on without "cellar", which the other side rejects: cellar is no device/,
  },
  {
    name: 'a sink that is slower than what comes',
    strike: () => {
      fault.writeMs = 2_500
    },
    mend: () => {
      fault.writeMs = 0
    },
    sentence:
      /^The sink "clicks to table" is slower than what comes: [\d,]+ records wait, the oldest for \d+ s/,
  },
  {
    name: 'Kafka that is away',
    strike: () => broker.close(),
    mend: async () => {
      const [, port] = broker.brokers[0]?.split(':') ?? []
      broker = await startBroker({ dataDir: join(folder, 'broker'), port: Number(port) })
    },
    sentence: /^Kafka does not answer/,
  },
])('$name', ({ strike, mend, sentence }) => {
  test('is said within five seconds, alone, and not any longer than it lasts', async () => {
    const beganMs = systemClock.now()
    await expect.poll(told, afterwards).toBe('')
    await strike()
    await expect.poll(told, soon).toMatch(sentence)
    const { problems } = await answer()
    expect(problems.map(({ what }) => what)).toEqual([expect.stringMatching(sentence)])
    expect(Date.parse(problems[0]?.since ?? '')).toBeGreaterThan(beganMs - 5_000)
    expect(problems[0]?.advice).not.toBe('')
    await mend()
    await expect.poll(told, afterwards).toBe('')
  })
})
