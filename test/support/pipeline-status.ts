import type { PipelineStatus, SinkStatus, SourceStatus } from '../../src/runtime/pipeline-status.ts'

/** A pipeline of which there is nothing to tell but what a test says. */
export function pipelineStatus(told: Partial<PipelineStatus> = {}): PipelineStatus {
  return {
    topology: 'shop',
    nodes: [],
    edges: [],
    partitions: [],
    standbys: [],
    tasks: [],
    sinks: [],
    last_commit: null,
    counters: {},
    sources: [],
    gaps: [],
    late: [],
    ...told,
  }
}

export function sinkStatus(told: Partial<SinkStatus> = {}): SinkStatus {
  return {
    name: 'to table',
    state: 'idle',
    since: '1970-01-01T00:00:00.000Z',
    rows: 0,
    writes: 0,
    retries: 0,
    last_write: null,
    last_write_seconds: null,
    connection: 'clickhouse',
    ...told,
  }
}

export function sourceStatus(told: Partial<SourceStatus> = {}): SourceStatus {
  return {
    name: 'feed',
    state: 'live',
    owner: null,
    last_message: null,
    rejected: [],
    longest_pause_seconds: null,
    ...told,
  }
}
