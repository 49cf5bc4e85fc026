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
  const lag = gauge('partition_lag_records', 'Records behind what is committed', 'topic', 'partition')
  const end = gauge('partition_end_offset', 'End of a partition', 'topic', 'partition')
  const copies = gauge(
    'standby_lag_records',
    'Records that a copy of a task is behind its changelogs',
    'task',
  )
  const events = gauge('events_total', 'Duplicates, gaps, late records, dead letters, …', 'event')
  const sources = gauge('source_state', '1 for the state that a source is in', 'source', 'state')

  return () => {
    // A step, a partition or a state that is gone must not stand there for ever.
    for (const each of [records, rate, lag, end, copies, events, sources]) each.reset()
    const now = status()
    for (const { name, kind, ...node } of now.nodes) {
      records.set({ node: name, kind }, node.total)
      rate.set({ node: name, kind }, node.rate)
    }
    for (const { topic, partition, ...at } of now.partitions) {
      lag.set({ topic, partition: String(partition) }, at.lag)
      end.set({ topic, partition: String(partition) }, at.end_offset)
    }
    for (const { task, lag: behind } of now.standbys) if (behind !== null) copies.set({ task }, behind)
    for (const [event, total] of Object.entries(now.counters)) events.set({ event }, total)
    for (const { name, state } of now.sources) sources.set({ source: name, state }, 1)
    return registry.metrics()
  }
}
