import { from } from 'rxjs'
import { expect, test } from 'vitest'
import type { Readiness } from '../../src/app/health.ts'
import { createMetrics } from '../../src/app/metrics.ts'
import type { RuntimeEvent } from '../../src/runtime/run.ts'
import { pipelineStatus, sinkStatus, sourceStatus } from '../support/pipeline-status.ts'

const progress = { committed: 40, lag: 60, lag_seconds: 12.5, catches_up_in_seconds: 4 }
const status = pipelineStatus({
  nodes: [{ name: 'clicks', kind: 'source', rate: 5, total: 100 }],
  partitions: [
    {
      topic: 'clicks',
      partition: 0,
      end_offset: 100,
      as_of: '2026-01-31T00:00:00.000Z',
      ...progress,
      readers: [
        { reader: 'to table', ...progress },
        { reader: 'clicks', committed: 100, lag: 0, lag_seconds: 0, catches_up_in_seconds: null },
      ],
    },
  ],
  standbys: [{ task: 'clicks_1', lag: 3 }],
  sinks: [
    sinkStatus({
      state: 'retrying',
      rows: 7,
      writes: 2,
      retries: 1,
      last_write: '2026-01-31T00:00:01.000Z',
      problem: 'away',
    }),
  ],
  last_commit: '2026-01-31T00:00:02.000Z',
  counters: { late: 4 },
  sources: [sourceStatus({ last_message: '2026-01-31T00:00:03.000Z' })],
})

const events: readonly RuntimeEvent[] = [
  ...[3, 20, 400_000].map((tookMs) => {
    return { type: 'written', step: 'to table', rows: 5, tookMs, ageMs: 2_000 } as const
  }),
  { type: 'committed', task: 'clicks_0', offsets: [], tookMs: 7 },
  { type: 'source-committed', source: 'feed', tookMs: 8 },
]

function metricsOf(readiness: Readiness = { ready: true }) {
  return createMetrics({
    running: { status: () => status, events$: from(events) },
    ready: () => readiness,
  })
}

async function linesOf(metrics: ReturnType<typeof metricsOf>): Promise<string[]> {
  return (await metrics.text()).split('\n')
}

test('tells of each reader of a partition how far behind it is, and of what was asked when', async () => {
  const reader = 'topic="clicks",partition="0",reader="to table"'
  expect(await linesOf(metricsOf())).toEqual(
    expect.arrayContaining([
      `rivulet_partition_lag_records{${reader}} 60`,
      `rivulet_partition_lag_seconds{${reader}} 12.5`,
      `rivulet_partition_catch_up_seconds{${reader}} 4`,
      `rivulet_partition_committed_offset{${reader}} 40`,
      'rivulet_partition_lag_records{topic="clicks",partition="0",reader="clicks"} 0',
      'rivulet_partition_end_offset{topic="clicks",partition="0"} 100',
      `rivulet_partition_end_timestamp_seconds{topic="clicks",partition="0"} ${Date.UTC(2026, 0, 31) / 1_000}`,
      'rivulet_standby_lag_records{task="clicks_1"} 3',
    ]),
  )
})

test('counters are counters, and each ask is told the total, not a sum of totals', async () => {
  const metrics = metricsOf()
  await metrics.text()
  const lines = await linesOf(metrics)
  expect(lines).toEqual(
    expect.arrayContaining([
      '# TYPE rivulet_node_records_total counter',
      'rivulet_node_records_total{node="clicks",kind="source"} 100',
      '# TYPE rivulet_events_total counter',
      'rivulet_events_total{event="late"} 4',
      'rivulet_sink_rows_total{sink="to table"} 7',
      'rivulet_sink_retries_total{sink="to table"} 1',
    ]),
  )
})

test('durations are histograms, of the program and of its requests', async () => {
  const metrics = metricsOf()
  metrics.answered({ method: 'GET', route: '/api/pipeline', status: 200, ms: 30 })
  await metrics.text()
  const lines = await linesOf(metrics)
  expect(lines).toEqual(
    expect.arrayContaining([
      '# TYPE rivulet_sink_write_duration_seconds histogram',
      'rivulet_sink_write_duration_seconds_bucket{le="0.005",sink="to table"} 1',
      'rivulet_sink_write_duration_seconds_bucket{le="300",sink="to table"} 2',
      'rivulet_sink_write_duration_seconds_bucket{le="+Inf",sink="to table"} 3',
      'rivulet_sink_write_duration_seconds_count{sink="to table"} 3',
      'rivulet_sink_write_duration_seconds_sum{sink="to table"} 400.023',
      'rivulet_commit_duration_seconds_count 2',
      'rivulet_sink_record_age_seconds_bucket{le="2.5",sink="to table"} 3',
      'rivulet_sink_record_age_seconds_bucket{le="1",sink="to table"} 0',
      'rivulet_http_request_duration_seconds_count{method="GET",route="/api/pipeline",status="200"} 1',
    ]),
  )
})

test('says what runs, whether it is ready, and which part is not; and when something has happened last', async () => {
  const part = { kind: 'sink', name: 'to table', state: 'retrying', reason: 'away', since: '' } as const
  const lines = await linesOf(metricsOf({ ready: false, why: 'away', parts: [part] }))
  expect(lines).toEqual(
    expect.arrayContaining([
      'rivulet_ready 0',
      'rivulet_part_ready{kind="sink",part="to table"} 0',
      expect.stringMatching(/^rivulet_build_info{version="\d.*",node_version="v.*",topology="shop"} 1$/),
      'rivulet_sink_state{sink="to table",state="retrying"} 1',
      `rivulet_sink_last_write_timestamp_seconds{sink="to table"} ${Date.UTC(2026, 0, 31) / 1_000 + 1}`,
      `rivulet_last_commit_timestamp_seconds ${Date.UTC(2026, 0, 31) / 1_000 + 2}`,
      `rivulet_source_last_message_timestamp_seconds{source="feed"} ${Date.UTC(2026, 0, 31) / 1_000 + 3}`,
    ]),
  )
})
