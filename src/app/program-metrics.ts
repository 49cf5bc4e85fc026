import type { PipelineStatus } from '../runtime/pipeline-status.ts'
import type { RuntimeEvent } from '../runtime/run.ts'
import { version } from '../version.ts'
import type { Readiness } from './health.ts'
import type { MetricMaker } from './metric-set.ts'
import type { Metrics } from './metrics.ts'

/** How a program is at the moment that somebody wants its metrics. */
export interface Found {
  readonly status: PipelineStatus
  readonly readiness: Readiness
}

type Update = (found: Found) => void

/** What is taken from a program whenever somebody wants it. */
export function foundMetrics(set: MetricMaker): Update {
  const updates = [programMetrics, stepMetrics, partitionMetrics, sinkMetrics].map((metrics) => metrics(set))
  return (found) => {
    for (const update of updates) update(found)
  }
}

/** Told of each request that was answered. */
export function requestMetrics(set: MetricMaker): Metrics['answered'] {
  const help = 'From a request to the headers of its answer'
  const requests = set.histogram('http_request_duration_seconds', help, 'method', 'route', 'status')
  return ({ method, route, status, ms }) => requests({ method, route, status: String(status) }, ms)
}

/** Told of what happens in a topology. */
export function eventMetrics(set: MetricMaker): (event: RuntimeEvent) => void {
  const commits = set.histogram('commit_duration_seconds', 'From the beginning of a commit to its end')
  const writes = set.histogram(
    'sink_write_duration_seconds',
    'How long writes take, retries among it',
    'sink',
  )
  const ages = set.histogram(
    'sink_record_age_seconds',
    "By its timestamp, age of a batch's first record when it is in the sink",
    'sink',
  )
  return (event) => {
    if (event.type === 'committed' || event.type === 'source-committed') commits({}, event.tookMs)
    if (event.type !== 'written') return
    writes({ sink: event.step }, event.tookMs)
    ages({ sink: event.step }, event.ageMs)
  }
}

function programMetrics(set: MetricMaker): Update {
  const build = set.gauge('build_info', 'What runs here', 'version', 'node_version', 'topology')
  const ready = set.gauge('ready', '1: it does what it is for')
  const parts = set.gauge('part_ready', '1: this part is well', 'kind', 'part')
  return ({ status: { topology }, readiness }) => {
    build({ version, node_version: process.version, topology }, 1)
    ready({}, Number(readiness.ready))
    for (const { kind, name, state } of readiness.parts ?? [])
      parts({ kind, part: name }, Number(state === 'ready'))
  }
}

function stepMetrics(set: MetricMaker): Update {
  const records = set.counter('node_records_total', 'Records through a step since the start', 'node', 'kind')
  const rate = set.gauge('node_records_per_second', 'Records through a step, lately', 'node', 'kind')
  const events = set.counter('events_total', 'Duplicates, gaps, late records, dead letters, …', 'event')
  const sources = set.gauge('source_state', '1 for the state that a source is in', 'source', 'state')
  const heard = set.gauge(
    'source_last_message_timestamp_seconds',
    'When a source has heard something last',
    'source',
  )
  const committed = set.gauge('last_commit_timestamp_seconds', 'When a task or a source has committed last')
  return ({ status }) => {
    for (const { name, kind, ...node } of status.nodes) {
      records({ node: name, kind }, node.total)
      rate({ node: name, kind }, node.rate)
    }
    for (const [event, total] of Object.entries(status.counters)) events({ event }, total)
    for (const { name, state, last_message } of status.sources) {
      sources({ source: name, state }, 1)
      if (last_message !== null) heard({ source: name }, secondsOf(last_message))
    }
    if (status.last_commit !== null) committed({}, secondsOf(status.last_commit))
  }
}

function partitionMetrics(set: MetricMaker): Update {
  const reading = ['topic', 'partition', 'reader'] as const
  const end = set.gauge('partition_end_offset', 'End of a partition', 'topic', 'partition')
  const asOf = set.gauge(
    'partition_end_timestamp_seconds',
    'When Kafka has last said where it ends',
    'topic',
    'partition',
  )
  const committed = set.gauge('partition_committed_offset', 'How far a reader has come', ...reading)
  const lag = set.gauge('partition_lag_records', 'Records that a reader has not committed', ...reading)
  const lagSeconds = set.gauge('partition_lag_seconds', 'Since when the first of them is there', ...reading)
  const catchUp = set.gauge('partition_catch_up_seconds', 'Until none is left, if it goes on so', ...reading)
  const copies = set.gauge(
    'standby_lag_records',
    'Records that a copy of a task is behind its changelogs',
    'task',
  )
  return ({ status: { partitions, standbys } }) => {
    for (const { topic, partition, end_offset, as_of, readers } of partitions) {
      const of = { topic, partition: String(partition) }
      end(of, end_offset)
      if (as_of !== null) asOf(of, secondsOf(as_of))
      for (const { reader, ...progress } of readers) {
        committed({ ...of, reader }, progress.committed)
        lag({ ...of, reader }, progress.lag)
        if (progress.lag_seconds !== null) lagSeconds({ ...of, reader }, progress.lag_seconds)
        const { catches_up_in_seconds: seconds } = progress
        if (seconds !== null) catchUp({ ...of, reader }, seconds)
      }
    }
    for (const { task, lag: behind } of standbys) if (behind !== null) copies({ task }, behind)
  }
}

function sinkMetrics(set: MetricMaker): Update {
  const rows = set.counter('sink_rows_total', 'Rows written since the start', 'sink')
  const retries = set.counter('sink_retries_total', 'Tries that have failed', 'sink')
  const state = set.gauge('sink_state', '1 for the state that a sink is in', 'sink', 'state')
  const written = set.gauge('sink_last_write_timestamp_seconds', 'When a write has succeeded last', 'sink')
  return ({ status: { sinks } }) => {
    for (const { name: sink, ...of } of sinks) {
      rows({ sink }, of.rows)
      retries({ sink }, of.retries)
      state({ sink, state: of.state }, 1)
      if (of.last_write !== null) written({ sink }, secondsOf(of.last_write))
    }
  }
}

function secondsOf(time: string): number {
  return Date.parse(time) / 1_000
}
