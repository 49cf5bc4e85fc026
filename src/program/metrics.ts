import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { PipelineStatus } from '../api/pipeline-status.ts'

/** Prometheus metrics of a program, taken from its status whenever they are asked for. */
export function metricsOf(status: () => PipelineStatus): () => Promise<string> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const records = new Gauge({
    name: 'rivulet_node_records_total',
    help: 'Records that have gone through a step since the start',
    labelNames: ['node', 'kind'],
    registers,
  })
  const rate = new Gauge({
    name: 'rivulet_node_records_per_second',
    help: 'Records per second through a step, over the last seconds',
    labelNames: ['node', 'kind'],
    registers,
  })
  const lag = new Gauge({
    name: 'rivulet_partition_lag_records',
    help: 'Records between what is committed and the end of a partition',
    labelNames: ['topic', 'partition'],
    registers,
  })
  const end = new Gauge({
    name: 'rivulet_partition_end_offset',
    help: 'End of a partition',
    labelNames: ['topic', 'partition'],
    registers,
  })
  const counter = new Gauge({
    name: 'rivulet_events_total',
    help: 'Duplicates, gaps, late records, dead letters and the like since the start',
    labelNames: ['event'],
    registers,
  })
  const source = new Gauge({
    name: 'rivulet_source_state',
    help: '1 for the state that a source is in',
    labelNames: ['source', 'state'],
    registers,
  })

  return () => {
    const { nodes, partitions, counters, sources } = status()
    for (const gauge of [records, rate, lag, end, counter, source]) gauge.reset()
    for (const node of nodes) {
      records.set({ node: node.name, kind: node.kind }, node.total)
      rate.set({ node: node.name, kind: node.kind }, node.rate)
    }
    for (const { topic, partition, ...at } of partitions) {
      lag.set({ topic, partition: String(partition) }, at.lag)
      end.set({ topic, partition: String(partition) }, at.end_offset)
    }
    for (const [event, total] of Object.entries(counters)) counter.set({ event }, total)
    for (const { name, state } of sources) source.set({ source: name, state }, 1)
    return registry.metrics()
  }
}
