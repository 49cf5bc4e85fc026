import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import type { Connection } from '../../src/app/connector.ts'
import { Health } from '../../src/app/health.ts'
import { createClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import type { PartitionStatus, PipelineStatus, SinkStatus } from '../../src/runtime/pipeline-status.ts'
import { pipelineStatus, sinkStatus, sourceStatus } from '../support/pipeline-status.ts'

const beginning = '1970-01-01T00:00:00.000Z'

class Site {
  nowMs = 0
  pings = 0
  away: string | undefined
  kafka: string | undefined
  starting: string | undefined
  sink: Partial<SinkStatus> = {}
  behind: Partial<PartitionStatus['readers'][number]> = {}
  readonly health: Health

  constructor() {
    const scheduler = new VirtualTimeScheduler()
    scheduler.now = () => this.nowMs
    const connection: Connection = {
      ping: async () => {
        this.pings++
        if (this.away) throw new RivuletError('CLICKHOUSE_UNREACHABLE', this.away, { retryable: true })
      },
      close: async () => {},
    }
    this.health = new Health({
      clock: createClock(scheduler),
      connections: { clickhouse: connection },
      kafkaTrouble: () => this.kafka,
      running: {
        ready: () => (this.starting ? { ready: false, why: this.starting } : { ready: true }),
        status: () => this.#status,
      },
    })
  }

  async partAt(nowMs: number, kind: string) {
    this.nowMs = nowMs
    const { parts = [] } = await this.health.check()
    return parts.find((part) => part.kind === kind)
  }

  get #status(): PipelineStatus {
    const at = { committed: 0, lag: 0, lag_seconds: 0, catches_up_in_seconds: 0, ...this.behind }
    return pipelineStatus({
      partitions: [0, 1].map((partition) => ({
        topic: 'clicks',
        partition,
        end_offset: 10,
        as_of: beginning,
        ...at,
        readers: [{ reader: 'to table', ...at }],
      })),
      sinks: [sinkStatus(this.sink)],
      sources: [sourceStatus()],
    })
  }
}

test('each part is well, and the program ready', async () => {
  const site = new Site()
  const { ready, why, parts = [] } = await site.health.check()
  expect([ready, why]).toEqual([true, undefined])
  expect(parts.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'kafka kafka',
    'topology shop',
    'connection clickhouse',
    'source feed',
    'sink to table',
    'reader to table',
  ])
  for (const part of parts) expect(part).toMatchObject({ state: 'ready', reason: null, since: beginning })
})

test.each([
  ['kafka', (site: Site) => (site.kafka = 'Kafka at k:9092 is away')],
  ['topology', (site: Site) => (site.starting = 'State is being restored')],
  ['connection', (site: Site) => (site.away = 'ClickHouse at http://c:8123 does not answer')],
])('without its %s a program is not ready, and says why, and since when', async (kind, breakIt) => {
  const site = new Site()
  expect(await site.partAt(10_000, kind)).toMatchObject({ state: 'ready' })
  const reason = breakIt(site)
  expect(await site.partAt(20_000, kind)).toMatchObject({
    state: 'waiting',
    reason,
    since: '1970-01-01T00:00:20.000Z',
  })
  expect(await site.partAt(30_000, kind)).toMatchObject({ since: '1970-01-01T00:00:20.000Z' })
  expect(await site.health.check()).toMatchObject({ ready: false, why: reason })
})

test('many who ask at once ask a connection once', async () => {
  const site = new Site()
  await site.health.check()
  const before = site.pings
  await Promise.all(Array.from({ length: 50 }, () => site.health.check()))
  expect(site.pings).toBe(before + 1)
})

test('a sink that retries, stands or lags is said, and the program answers all the same', async () => {
  const site = new Site()
  site.sink = { state: 'retrying', since: beginning, problem: 'Disk full' }
  expect(await site.partAt(5_000, 'sink')).toMatchObject({ state: 'retrying', reason: 'Disk full' })
  site.sink = { state: 'writing', since: beginning }
  expect(await site.partAt(2_000, 'sink')).toMatchObject({ state: 'ready' })
  expect(await site.partAt(8_000, 'sink')).toMatchObject({ state: 'writing', since: beginning })
  site.behind = { lag: 3_000, lag_seconds: 60, catches_up_in_seconds: 20 }
  expect(await site.partAt(60_000, 'reader')).toEqual({
    kind: 'reader',
    name: 'to table',
    state: 'behind',
    reason: '6000 records are not processed, the first of them for 60 s; caught up in 20 s as it goes now',
    since: beginning,
  })
  site.behind = { lag: 3_000, lag_seconds: 60, catches_up_in_seconds: null }
  expect((await site.partAt(60_000, 'reader'))?.reason).not.toContain('caught up')
  expect(await site.health.check()).toMatchObject({ ready: true })
})
