import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { of } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Connection, Connector } from '../../src/app/connector.ts'
import { program } from '../../src/app/program.ts'
import { setting } from '../../src/app/setting.ts'
import { storeApi } from '../../src/app/store-api.ts'
import { systemClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { createLogger, silentLogger } from '../../src/logger.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'

const words = topic('words', { key: serdes.string, value: serdes.string })

function wordCount(...said: string[]) {
  return topology('counts', ({ source, stream }) => {
    source('said', of(...said))
      .map((word) => [word, word])
      .to(words)
    stream(words).groupByKey().count('words seen')
  })
}

/** A door, open or shut; its setting says where. */
function doorConnector() {
  const door = { isOpen: true, closed: 0, told: {} as object }
  const settings = { doorPlace: setting.text({ description: 'where the door is', default: 'north' }) }
  const connector: Connector<typeof settings, Connection & { readonly place: string }> = {
    settings,
    async open({ config, folder, prefix }) {
      door.told = { folder: folder('door'), prefix }
      return {
        place: config.doorPlace,
        async ping() {
          if (!door.isOpen) throw new Error('the door is shut')
        },
        async close() {
          door.closed++
        },
      }
    },
  }
  return { door, connector }
}

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'rivulet-start-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

/** As a test of somebody's program starts it. */
const options = (...args: string[]) => ({
  args: ['--port', '0', '--data-dir', dataDir, ...args],
  logger: silentLogger,
})

describe('a program that is started within a process', () => {
  test('serves routes of its own over its running topology, and goes on where it has stopped', async () => {
    const counting = (...said: string[]) =>
      program({
        name: 'counts',
        summary: 'Counts.',
        topology: wordCount(...said),
        routes: (web, { running }) => {
          web.route('/api', storeApi(running))
        },
      })
    const so = async (url: string, value: number) =>
      vi.waitFor(async () => {
        const answer = await fetch(new URL('/api/stores/words%20seen/so', url))
        expect(await answer.json()).toMatchObject({ key: 'so', value })
      })
    const first = await counting('so', 'so').start(options())
    await so(first.url, 2)
    expect(await first.stop()).toBe('drained')
    const second = await counting('so').start(options())
    await so(second.url, 3)
    expect(await second.stop()).toBe('drained')
  })

  test('opens a connector of its own with its setting, asks it whether it is ready, and closes it', async () => {
    const { door, connector } = doorConnector()
    const started = await program({
      name: 'doors',
      summary: 'Counts.',
      connectors: { door: connector },
      prepare: async () => ({ folder: 'of the run', prefix: 'try', labels: { region: 'eu' } }),
      topology: wordCount('so'),
      routes: (web, { connections }) => {
        web.get('/door', (context) => context.text(connections.door.place))
      },
    }).start(options('--door-place', 'south'))
    const get = (path: string) => fetch(new URL(path, started.url))
    expect(door.told).toEqual({ folder: join(dataDir, 'of the run', 'door'), prefix: 'try' })
    expect(await (await get('/door')).text()).toBe('south')

    const ready = await get('/readyz')
    expect([ready.status, ready.headers.get('x-rivulet-region')]).toEqual([200, 'eu'])
    door.isOpen = false
    const shut = await get('/readyz')
    expect(shut.status).toBe(503)
    expect(await shut.json()).toMatchObject({
      ready: false,
      error: { code: 'NOT_READY', message: 'the door is shut' },
      parts: expect.arrayContaining([
        expect.objectContaining({
          kind: 'connection',
          name: 'door',
          state: 'waiting',
          reason: 'the door is shut',
        }),
      ]),
    })
    expect(await (await get('/api/pipeline')).json()).toMatchObject({ region: 'eu', topology: 'counts' })
    const past = await (await get('/api/pipeline/history?since=2020-01-01T00:00:00Z')).json()
    expect(past).toMatchObject({ interval_seconds: 5, timestamps: [] })
    expect((await get('/api/pipeline/history?since=yesterday')).status).toBe(400)
    expect(door.closed).toBe(0)
    await started.stop()
    expect(door.closed).toBe(1)
  })

  test('closes what it has opened, in the opposite order, when it can not go on', async () => {
    const { door, connector } = doorConnector()
    let closedBefore: number | undefined
    const failing = program({
      name: 'doors',
      summary: 'Counts.',
      connectors: { door: connector },
      prepare: async () => ({
        async close() {
          closedBefore = door.closed
        },
      }),
      topology: () => {
        throw new RivuletError('BAD_TOPOLOGY', 'there is none')
      },
    })
    await expect(failing.start(options())).rejects.toThrow('there is none')
    expect(closedBefore).toBe(1)
    // The folder is free again.
    await expect(failing.start(options())).rejects.toThrow('there is none')
  })

  test('answers what fails while Kafka is away with 503, and the log has a line without a stack', async () => {
    const lines: string[] = []
    const counting = program({
      name: 'counts',
      summary: 'Counts.',
      topology: wordCount('so'),
      routes: (web) => {
        web.get('/rows', () => {
          throw new RivuletError('CLICKHOUSE_REJECTED', 'there is no such table')
        })
      },
    })
    const started = await counting.start({
      ...options('--kafka-brokers', '127.0.0.1:1'),
      // The time that a start may take is over at once.
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms === 10_000 ? 0 : ms, signal) },
      logger: createLogger({
        level: 'warn',
        readable: false,
        destination: { write: (line) => lines.push(line) },
      }),
    })
    for (let asked = 0; asked < 3; asked++) {
      const answer = await fetch(new URL('/rows', started.url))
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
      expect(await answer.json()).toEqual({
        error: { code: 'NOT_READY', message: 'Kafka has not given the topics yet; try again soon' },
      })
    }
    await started.stop()
    const said = lines.filter((line) => line.includes('there is no such table'))
    expect(said).toHaveLength(1)
    expect(said[0]).not.toContain('    at ')
  })

  test('refuses settings that contradict each other, before anything is opened', async () => {
    const { door, connector } = doorConnector()
    const refused = program({
      name: 'doors',
      summary: 'Counts.',
      connectors: { door: connector },
      check: ({ port }) => {
        throw new RivuletError('BAD_CONFIG', `not with ${port}`)
      },
      topology: wordCount(),
    })
    await expect(refused.start(options())).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: 'not with 0',
    })
    expect(door.told).toEqual({})
  })

  test('refuses a setting of its own under a name that every program has', () => {
    const clash = program({
      name: 'clash',
      summary: 'Counts.',
      settings: { host: setting.text({ description: 'of the queue' }) },
      topology: wordCount(),
    })
    expect(() => clash.describe()).toThrow('two settings are named "host"')
  })
})

test('a program is described with its defaults, and nothing is opened for that', () => {
  const described = program({
    name: 'counts',
    summary: 'Counts.',
    settings: { first: setting.text({ description: 'said first', default: 'so' }) },
    prepare: () => Promise.reject(new Error('it shall not be opened')),
    topology: ({ config, prepared }) => {
      expect(prepared).toBeUndefined()
      return wordCount(config.first)
    },
  })
  expect(described.describe().name).toBe('counts')
})
