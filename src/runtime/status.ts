import { type ExternalSinkNode, inputsOf, isChooser } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import type { Instance } from './instance.ts'
import type { PartitionLag } from './lag-watch.ts'
import type { PartitionStatus, PipelineEdge, PipelineStatus, SinkStatus } from './pipeline-status.ts'
import type { SinkStanding } from './sink-standing.ts'

/** Where a running topology stands at this moment. */
export function statusOf(topology: Topology, instance: Instance, nowMs: number): PipelineStatus {
  return {
    topology: topology.name,
    nodes: instance.statistics.nodes(nowMs),
    edges: edgesOf(topology),
    partitions: instance.lags.map(partitionStatusOf),
    standbys: instance.standbys.map(({ id, lag }) => ({ task: id, lag: lag ?? null })),
    sinks: [...instance.sinks].map(sinkStatusOf),
    last_commit: isoOf(instance.statistics.lastCommitMs),
    counters: instance.statistics.counters(),
    sources: instance.sources.map(({ name, state, owner, lastMessageMs, problem }) => ({
      name,
      state,
      owner: owner ?? null,
      last_message: isoOf(lastMessageMs),
      ...(problem !== undefined && { problem }),
    })),
  }
}

/** Of all of its readers, the one that is furthest behind is shown for the partition. */
function partitionStatusOf({ topic, partition, endOffset, asOfMs, readers }: PartitionLag): PartitionStatus {
  const shown = readers.map(({ name, committed, lag, lagMs, catchesUpInMs }) => ({
    reader: name,
    committed,
    lag,
    lag_seconds: secondsOf(lagMs),
    catches_up_in_seconds: secondsOf(catchesUpInMs),
  }))
  const furthestBehind = shown.reduce((a, b) => (b.lag > a.lag ? b : a))
  const { reader: _, ...behind } = furthestBehind
  return { topic, partition, end_offset: endOffset, as_of: isoOf(asOfMs), ...behind, readers: shown }
}

function sinkStatusOf([{ name }, standing]: readonly [ExternalSinkNode, SinkStanding]): SinkStatus {
  const { state, sinceMs, problem, rows, retries, lastWriteMs } = standing
  return {
    name,
    state,
    since: new Date(sinceMs).toISOString(),
    rows,
    writes: standing.writes,
    retries,
    last_write: isoOf(lastWriteMs),
    ...(problem !== undefined && { problem }),
  }
}

function secondsOf(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms) / 1_000
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

/** From step to step, and through the topics that one step writes and another reads. */
function edgesOf({ nodes }: Topology): PipelineEdge[] {
  return nodes.flatMap((node) => {
    const edges = inputsOf(node).map((input) => ({ from: nodes[input.node]?.name ?? '', to: node.name }))
    if (node.type !== 'topic-source') return edges
    const writers = nodes.filter(
      (each) => each.type === 'topic-sink' && !isChooser(each.topic) && each.topic.name === node.topic.name,
    )
    return [...edges, ...writers.map((writer) => ({ from: writer.name, to: node.name }))]
  })
}
