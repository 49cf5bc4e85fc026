import { type ExternalSinkNode, inputsOf, isChooser } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import type { NotedGap } from './gap-log.ts'
import type { Instance } from './instance.ts'
import type { PartitionLag } from './lag-watch.ts'
import type {
  GapStatus,
  LateStatus,
  PartitionStatus,
  PipelineEdge,
  PipelineStatus,
  SinkStatus,
  SourceStatus,
  TaskStatus,
} from './pipeline-status.ts'
import type { SinkStanding } from './sink-standing.ts'
import type { SourceStanding } from './source-group.ts'
import type { Task } from './task.ts'

/** Where a running topology stands at this moment. */
export function statusOf(topology: Topology, instance: Instance, nowMs: number): PipelineStatus {
  return {
    topology: topology.name,
    nodes: instance.statistics.nodes(nowMs),
    edges: edgesOf(topology),
    partitions: instance.lags.map(partitionStatusOf),
    standbys: instance.standbys.map(({ id, lag }) => ({ task: id, lag: lag ?? null })),
    tasks: tasksOf(instance, nowMs),
    sinks: [...instance.sinks].map(sinkStatusOf),
    last_commit: isoOf(instance.statistics.lastCommitMs),
    counters: instance.statistics.counters(),
    sources: instance.sources.map(sourceStatusOf),
    gaps: instance.statistics.gaps.all.map(gapStatusOf),
    late: lateOf(instance),
  }
}

function tasksOf(instance: Instance, nowMs: number): TaskStatus[] {
  const sources = instance.sourceTasks.map(({ name, subTopologyId, task }) => ({
    task: name,
    sub_topology: subTopologyId,
    state: task ? ('running' as const) : ('starting' as const),
    restored: null,
    ...workOf(task, nowMs),
  }))
  const others = instance.tasks.map(({ id, layout, task, restored }) => {
    const isRestoring = restored !== undefined && restored.of > 0
    return {
      task: id,
      sub_topology: layout.subTopology.id,
      state: task ? ('running' as const) : isRestoring ? ('restoring' as const) : ('starting' as const),
      restored: isRestoring ? restored : null,
      ...workOf(task, nowMs),
    }
  })
  return [...sources, ...others]
}

/** Tasks of several partitions miss the same windows. */
function lateOf({ tasks }: Instance): LateStatus[] {
  const sums = new Map<string, LateStatus>()
  for (const { step, startMs, endMs, records } of tasks.flatMap(({ task }) => [
    ...(task?.late.all() ?? []),
  ])) {
    const key = `${step} ${startMs}`
    const before = sums.get(key)?.records ?? 0
    const window = { window_start: isoOf(startMs), window_end: isoOf(endMs) }
    sums.set(key, { step, ...window, records: before + records })
  }
  return [...sums.values()]
}

function workOf(task: Task | undefined, nowMs: number) {
  const { busy, heldBack } = task?.load.since(nowMs) ?? { busy: 0, heldBack: 0 }
  const stores = [...(task?.stores.values() ?? [])]
  return {
    busy: roundedShare(busy),
    held_back: roundedShare(heldBack),
    stream_time: isoOf(task?.streamTimeMs),
    stores: stores.map(({ name, size }) => ({ name, entries: size })),
  }
}

function sourceStatusOf(source: SourceStanding): SourceStatus {
  const { name, state, owner, lastMessageMs, problem, rejections, longestPauseMs } = source
  return {
    name,
    state,
    owner: owner ?? null,
    last_message: isoOf(lastMessageMs),
    ...(problem !== undefined && { problem }),
    rejected: [...rejections].map(([part, { reason, sinceMs }]) => ({
      part,
      reason,
      since: new Date(sinceMs).toISOString(),
    })),
    longest_pause_seconds: secondsOf(longestPauseMs),
  }
}

function gapStatusOf({ source, part, from, to, records, reason, sinceMs, repairedMs }: NotedGap): GapStatus {
  return {
    ...{ source, part, from, to, records },
    since: new Date(sinceMs).toISOString(),
    repaired: isoOf(repairedMs),
    ...(reason !== undefined && { reason }),
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

function sinkStatusOf([{ name, sink }, standing]: readonly [ExternalSinkNode, SinkStanding]): SinkStatus {
  const { state, sinceMs, problem, rows, retries, lastWriteMs, lastWriteTookMs } = standing
  return {
    name,
    state,
    since: new Date(sinceMs).toISOString(),
    rows,
    writes: standing.writes,
    retries,
    last_write: isoOf(lastWriteMs),
    last_write_seconds: secondsOf(lastWriteTookMs),
    connection: sink.connection,
    ...(problem !== undefined && { problem }),
  }
}

function secondsOf(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms) / 1_000
}

/** Null, too, where it is no time of the calendar: event time is whatever its producer says. */
function isoOf(ms: number | undefined): string | null {
  return ms === undefined || Number.isNaN(new Date(ms).getTime()) ? null : new Date(ms).toISOString()
}

function roundedShare(share: number): number {
  return Math.round(share * 1_000) / 1_000
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
