import { inputsOf, isChooser } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import type { Instance } from './instance.ts'
import type { PipelineEdge, PipelineStatus } from './pipeline-status.ts'

/** Where a running topology stands at this moment. */
export function statusOf(topology: Topology, instance: Instance, nowMs: number): PipelineStatus {
  return {
    topology: topology.name,
    nodes: instance.statistics.nodes(nowMs),
    edges: edgesOf(topology),
    partitions: instance.positions.map(({ topic, partition, endOffset, committed }) => ({
      topic,
      partition,
      end_offset: endOffset,
      committed,
      lag: endOffset - committed,
    })),
    standbys: instance.standbys.map(({ id, lag }) => ({ task: id, lag: lag ?? null })),
    counters: instance.statistics.counters(),
    sources: instance.sources.map(({ name, state, owner, lastMessageMs, problem }) => ({
      name,
      state,
      owner: owner ?? null,
      last_message: lastMessageMs === undefined ? null : new Date(lastMessageMs).toISOString(),
      ...(problem !== undefined && { problem }),
    })),
  }
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
