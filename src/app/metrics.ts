import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { PipelineStatus } from '../runtime/pipeline-status.ts'

/** Prometheus metrics of a program, taken from its status whenever they are asked for. */
export function metricsOf(status: () => PipelineStatus): () => Promise<string> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `rivulet_${name}`, help, labelNames, registers: [registry] })

  const records = gauge('node_records_total', 'Records through a step since the start', 'node', 'kind')
  const rate = gauge('node_records_per_second', 'Records through a step, lately', 'node', 'kind')
  const reading = ['topic', 'partition', 'reader'] as const
  const lag = gauge(
    'partition_lag_records',
    'Records between what a reader has committed and the end',
    ...reading,
  )
  const lagSeconds = gauge('partition_lag_seconds', 'Age of the first record not committed', ...reading)
  const committed = gauge('partition_committed_offset', 'How far a reader has come', ...reading)
  const end = gauge('partition_end_offset', 'End of a partition', 'topic', 'partition')
  const asOf = gauge(
    'partition_end_timestamp_seconds',
    'When Kafka has last said where a partition ends',
    'topic',
    'partition',
  )
  const copies = gauge(
    'standby_lag_records',
    'Records that a copy of a task is behind its changelogs',
    'task',
  )
  const events = gauge('events_total', 'Duplicates, gaps, late records, dead letters, …', 'event')
  const sources = gauge('source_state', '1 for the state that a source is in', 'source', 'state')

  return () => {
    // A step, a partition or a state that is gone must not stand there for ever.
    for (const each of [records, rate, lag, lagSeconds, committed, end, asOf, copies, events, sources])
      each.reset()
    const now = status()
    for (const { name, kind, ...node } of now.nodes) {
      records.set({ node: name, kind }, node.total)
      rate.set({ node: name, kind }, node.rate)
    }
    for (const { topic, partition, ...at } of now.partitions) {
      const of = { topic, partition: String(partition) }
      end.set(of, at.end_offset)
      if (at.as_of !== null) asOf.set(of, Date.parse(at.as_of) / 1_000)
      for (const { reader, ...progress } of at.readers) {
        lag.set({ ...of, reader }, progress.lag)
        committed.set({ ...of, reader }, progress.committed)
        if (progress.lag_seconds !== null) lagSeconds.set({ ...of, reader }, progress.lag_seconds)
      }
    }
    for (const { task, lag: behind } of now.standbys) if (behind !== null) copies.set({ task }, behind)
    for (const [event, total] of Object.entries(now.counters)) events.set({ event }, total)
    for (const { name, state } of now.sources) sources.set({ source: name, state }, 1)
    return registry.metrics()
  }
}
