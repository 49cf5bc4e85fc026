import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NEVER, of, Subject } from 'rxjs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createMetrics } from '../../../src/app/metrics.ts'
import { program } from '../../../src/app/program.ts'
import { openTelemetry } from '../../../src/app/telemetry/open-telemetry.ts'
import { systemClock } from '../../../src/clock.ts'
import { silentLogger } from '../../../src/logger.ts'
import type { PipelineStatus } from '../../../src/runtime/pipeline-status.ts'
import type { RuntimeEvent } from '../../../src/runtime/run.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import { registeredTelemetry } from '../../support/open-telemetry.ts'
import { pipelineStatus, sinkStatus } from '../../support/pipeline-status.ts'

const progress = { committed: 40, lag: 60, lag_seconds: 12.5, catches_up_in_seconds: 4 }
const status = pipelineStatus({
  nodes: [{ name: 'clicks', kind: 'source', rate: 5, total: 100 }],
  partitions: [
    {
      ...{ topic: 'clicks', partition: 0, end_offset: 100, as_of: null, ...progress },
      readers: [{ reader: 'to table', ...progress }],
    },
  ],
  sinks: [sinkStatus({ rows: 7 })],
})

function observed() {
  const events$ = new Subject<RuntimeEvent>()
  const running = { status: () => status, events$ }
  const options = { running, ready: () => ({ ready: true }), clock: { ...systemClock, now: () => 10_000 } }
  const told = registeredTelemetry()
  return { ...told, options, events$, telemetry: openTelemetry(options) }
}

function observedStates(status: () => PipelineStatus) {
  const told = registeredTelemetry()
  openTelemetry({ running: { status, events$: NEVER }, ready: () => ({ ready: true }), clock: systemClock })
  const states = (observed: Awaited<ReturnType<typeof told.collect>>) =>
    observed.flatMap(({ name, value, attributes }) =>
      name === 'rivulet_sink_state' ? [[attributes?.state, value]] : [],
    )
  return { ...told, states }
}

test('has the metrics of /metrics, under their names', async () => {
  const { names, options } = observed()
  const text = await createMetrics(options).text()
  const own = [...text.matchAll(/^# TYPE (rivulet_\w+)/gm)].map(([, name]) => name)
  expect(names.toSorted()).toEqual(own.toSorted())
})

test('is told what they are whenever somebody collects them', async () => {
  const { collect } = observed()
  const reading = { topic: 'clicks', partition: '0', reader: 'to table' }
  expect(await collect()).toEqual(
    expect.arrayContaining([
      { name: 'rivulet_ready', value: 1, attributes: {} },
      { name: 'rivulet_partition_lag_records', value: 60, attributes: reading },
      { name: 'rivulet_sink_rows_total', value: 7, attributes: { sink: 'to table' } },
    ]),
  )
})

test('is told that what has gone has no value any more, as it would go on with the last one', async () => {
  let sinks = [sinkStatus({ state: 'writing' })]
  const { collect, states } = observedStates(() => pipelineStatus({ sinks }))
  await collect()
  sinks = [sinkStatus({ state: 'idle' })]
  expect(states(await collect())).toEqual([
    ['idle', 1],
    ['writing', Number.NaN],
  ])
  expect(states(await collect())).toEqual([['idle', 1]])
})

test('is told of commits, writes and requests as they happen, with a span for each of the first two', () => {
  const { durations, spans, events$, telemetry } = observed()
  events$.next({ type: 'committed', task: 'clicks_0', offsets: [], tookMs: 7 })
  events$.next({ type: 'source-committed', source: 'feed', tookMs: 8 })
  events$.next({ type: 'written', step: 'to table', rows: 5, tookMs: 250, ageMs: 2_000 })
  events$.next({ type: 'task-stopped', task: 'clicks_0' })
  telemetry.answered({ method: 'GET', route: '/', status: 200, ms: 3 })
  expect(durations).toEqual([
    { name: 'rivulet_commit_duration_seconds', value: 0.007, attributes: {} },
    { name: 'rivulet_commit_duration_seconds', value: 0.008, attributes: {} },
    { name: 'rivulet_sink_write_duration_seconds', value: 0.25, attributes: { sink: 'to table' } },
    { name: 'rivulet_sink_record_age_seconds', value: 2, attributes: { sink: 'to table' } },
    {
      name: 'rivulet_http_request_duration_seconds',
      value: 0.003,
      attributes: { method: 'GET', route: '/', status: '200' },
    },
  ])
  const endMs = 10_000
  expect(spans).toEqual([
    { name: 'rivulet.commit', startMs: 9_993, endMs, attributes: { 'rivulet.task': 'clicks_0' } },
    { name: 'rivulet.commit', startMs: 9_992, endMs, attributes: { 'rivulet.source': 'feed' } },
    {
      name: 'rivulet.write',
      startMs: 9_750,
      endMs,
      attributes: { 'rivulet.sink': 'to table', 'rivulet.rows': 5 },
    },
  ])
})

test('is told nothing more once it is closed', async () => {
  const { collect, spans, events$, telemetry } = observed()
  telemetry.close()
  events$.next({ type: 'committed', task: 'clicks_0', offsets: [], tookMs: 7 })
  expect(await collect()).toEqual([])
  expect(spans).toEqual([])
})

async function startSaying(...args: string[]) {
  const dataDir = mkdtempSync(join(tmpdir(), 'rivulet-telemetry-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  const words = topic('words', { key: serdes.string, value: serdes.string })
  const saying = program({
    name: 'saying',
    summary: 'Says a word.',
    topology: topology('saying', ({ source }) => {
      source('said', of('so'))
        .map((word) => [word, word])
        .to(words)
    }),
  })
  const started = await saying.start({
    args: ['--port', '0', '--data-dir', dataDir, ...args],
    logger: silentLogger,
  })
  onTestFinished(async () => void (await started.stop()))
  return started
}

test('a program tells it when it is asked to', async () => {
  const { collect, spans } = registeredTelemetry()
  await startSaying('--open-telemetry', 'true')
  await vi.waitFor(() => expect(spans.map(({ name }) => name)).toContain('rivulet.commit'))
  expect((await collect()).map(({ name }) => name)).toContain('rivulet_node_records_total')
})

test('a program does not use it unless it is asked to', async () => {
  const { names, spans } = registeredTelemetry()
  const started = await startSaying()
  await started.running.started
  await started.stop()
  expect([...names, ...spans]).toEqual([])
})
