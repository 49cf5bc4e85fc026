import { expect, test } from 'vitest'
import type { Part } from '../../src/app/health.ts'
import { Problems } from '../../src/app/problems.ts'
import type { PartitionStatus, PipelineStatus } from '../../src/runtime/pipeline-status.ts'
import { pipelineStatus, sinkStatus, sourceStatus } from '../support/pipeline-status.ts'

const nowMs = Date.parse('2026-01-31T12:00:00Z')
const at = (secondsAgo: number) => new Date(nowMs - secondsAgo * 1_000).toISOString()
const part = (kind: Part['kind'], name: string, state: string, reason: string | null): Part => ({
  ...{ kind, name, state, reason },
  since: at(10),
})

function behind(lag: number, catchesUp: number | null): PartitionStatus {
  const progress = { committed: 0, lag, lag_seconds: 12, catches_up_in_seconds: catchesUp }
  return {
    ...{ topic: 'clicks', partition: 0, end_offset: lag, as_of: at(1), ...progress },
    readers: [{ reader: 'to table', ...progress }],
  }
}

/** As it is after a while: what may pass by itself has had its time. */
function told(status: Partial<PipelineStatus>, parts: readonly Part[] = []): string[] {
  const problems = new Problems()
  problems.look(parts, pipelineStatus(status), nowMs - 10_000)
  return problems.look(parts, pipelineStatus(status), nowMs).map(({ what }) => what)
}

const isBehind = part('reader', 'to table', 'behind', 'records are not processed')

test('nothing is said where nothing is wrong', () => {
  const sources = [
    sourceStatus({ last_message: at(1), longest_pause_seconds: 0.5 }),
    sourceStatus({ name: 'hourly', last_message: at(3_000) }),
    sourceStatus({ name: 'ended', state: 'stopped' }),
    sourceStatus({ name: 'there', state: 'elsewhere' }),
    sourceStatus({ name: 'begun', state: 'connecting' }),
  ]
  expect(told({ sources, sinks: [sinkStatus()], counters: { dead_letters: 0, late: 5 } })).toEqual([])
})

test('a lag is told with the connection that is away, and not beside it', () => {
  const status = {
    sinks: [sinkStatus({ state: 'retrying', problem: 'refused' })],
    partitions: [behind(1_200, null)],
  }
  const parts = [
    part('connection', 'clickhouse', 'waiting', 'it is refused'),
    part('sink', 'to table', 'retrying', 'refused'),
    part('topology', 'shop', 'waiting', 'to table is not open yet'),
    isBehind,
  ]
  expect(told(status, parts)).toEqual([
    '"clickhouse" does not answer: it is refused. Nothing is written by "to table" (1,200 records waiting).',
  ])
})

test('while Kafka is away nothing is said of what stands for it', () => {
  const parts = [
    part('kafka', 'kafka', 'waiting', 'k:9092 refuses'),
    part('topology', 'shop', 'waiting', 'no topics'),
    isBehind,
  ]
  expect(told({ partitions: [behind(5, null)] }, parts)).toEqual(['Kafka does not answer: k:9092 refuses.'])
})

test('a sink that can not write, does not come to an end or is not open is told with what waits', () => {
  const of = (state: 'retrying' | 'writing' | 'opening') =>
    told({ sinks: [sinkStatus({ state })], partitions: [behind(1, null)] }, [
      part('sink', 'to table', state, 'Disk full.'),
      isBehind,
    ])
  expect(of('retrying')).toEqual(['The sink "to table" can\'t write (1 record waiting): Disk full.'])
  expect(of('writing')).toEqual([
    'A write of the sink "to table" does not come to an end (1 record waiting).',
  ])
  expect(of('opening')).toEqual(['The sink "to table" could not be opened yet (1 record waiting).'])
})

test('a reader is slower than what comes, or catches up, and says in how long', () => {
  const sinks = [sinkStatus({ last_write_seconds: 2.5 })]
  expect(told({ sinks, partitions: [behind(900, null)] }, [isBehind])).toEqual([
    'The sink "to table" is slower than what comes: 900 records wait, the oldest for 12 s, and they do not become fewer; its last write took 2.5 s.',
  ])
  const problems = new Problems().look(
    [isBehind],
    pipelineStatus({ sinks, partitions: [behind(900, 39.2)] }),
    nowMs,
  )
  expect(problems).toEqual([
    {
      kind: 'reader',
      name: 'to table',
      what: 'The sink "to table" is behind and catches up: 900 records wait, the oldest for 12 s.',
      advice: 'Wait: as it goes now, it has caught up in 40 s.',
      since: at(10),
    },
  ])
})

test('state that is restored is told with how much of it, and the start that waits for it is not', () => {
  const task = { task: 'clicks_0', sub_topology: 1, busy: 0, held_back: 0, stream_time: null, stores: [] }
  const tasks = [{ ...task, state: 'restoring' as const, restored: { offsets: 250, of: 1_000 } }]
  expect(told({ tasks }, [part('topology', 'shop', 'waiting', 'State is being restored')])).toEqual([
    'The state of "clicks_0" is being restored: 25 % of 1,000 records read.',
  ])
})

test('a source is silent for three times its longest pause, or tries to connect', () => {
  const silent = (secondsAgo: number, pause: number) =>
    told({ sources: [sourceStatus({ last_message: at(secondsAgo), longest_pause_seconds: pause })] })
  expect(silent(2.9, 0.1)).toEqual([])
  expect(silent(3, 0.1)).toEqual([expect.stringMatching(/^The source "feed" is silent/)])
  expect(silent(29, 10)).toEqual([])
  expect(silent(30, 10)).toHaveLength(1)
  expect(told({ sources: [sourceStatus({ state: 'waiting', problem: 'refused.' })] })).toEqual([
    'Nothing comes from the source "feed", which is trying to connect: refused.',
  ])
})

test('each part that the other side rejects is told, whatever else there is', () => {
  const rejected = ['attic', 'cellar'].map((name) => ({ part: name, reason: 'unknown', since: at(60) }))
  expect(told({ sources: [sourceStatus({ rejected })] })).toEqual([
    'The source "feed" goes on without "attic", which the other side rejects: unknown.',
    'The source "feed" goes on without "cellar", which the other side rejects: unknown.',
  ])
})

test('a gap is told when it is not repaired soon, and one that was given up for five minutes', () => {
  const gap = { source: 'feed', part: 'attic', from: '5', to: '9', records: 5, repaired: null }
  expect(told({ gaps: [{ ...gap, since: at(9) }] })).toEqual([])
  expect(told({ gaps: [{ ...gap, since: at(10) }] })).toEqual([
    'The source "feed" has 5 records of "attic" missing (5 to 9), and has not fetched all of them yet.',
  ])
  expect(told({ gaps: [{ ...gap, since: at(10), repaired: at(1) }] })).toEqual([])
  expect(told({ gaps: [{ ...gap, since: at(299), reason: 'too old' }] })).toHaveLength(1)
  expect(told({ gaps: [{ ...gap, since: at(300), reason: 'too old' }] })).toEqual([])
})

test('dead letters are news for five minutes after the last of them', () => {
  const problems = new Problems()
  const look = (letters: number, seconds: number) =>
    problems
      .look([], pipelineStatus({ counters: { dead_letters: letters } }), nowMs + seconds * 1_000)
      .map(({ what, since }) => [what.slice(0, 10), since])
  expect(look(0, 0)).toEqual([])
  expect(look(2, 10)).toEqual([['2 records ', at(-10)]])
  expect(look(5, 200)).toEqual([['5 records ', at(-10)]])
  expect(look(5, 499)).toHaveLength(1)
  expect(look(5, 500)).toEqual([])
})

test('what comes with every start is no problem, unless it lasts', () => {
  const problems = new Problems()
  const look = (seconds: number) =>
    problems.look(
      [part('topology', 'shop', 'waiting', 'no topics yet')],
      pipelineStatus(),
      nowMs + seconds * 1_000,
    )
  expect(look(0)).toEqual([])
  expect(look(2)).toEqual([])
  expect(look(3)).toMatchObject([{ kind: 'topology', since: at(0) }])
})
