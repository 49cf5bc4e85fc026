import type { Chunk, Headers } from '../records/chunk.ts'
import type { ExternalSourceNode } from '../stream/graph.ts'

/** What a source has emitted, as records: keys and event times as the topology says. They have no offsets yet. */
export function sourceChunk(
  { name, record }: ExternalSourceNode,
  values: readonly unknown[],
  nowMs: number,
): Chunk<unknown, unknown> {
  const headers = record.headers && values.map((value) => record.headers?.(value))
  return {
    topic: name,
    partition: 0,
    keys: values.map((value) => record.key(value)),
    values,
    timestampsMs: values.map((value) => record.timestampMs(value, nowMs)),
    offsets: values.map(() => -1),
    ...(headers?.some(isPresent) && { headers }),
  }
}

function isPresent(headers: Headers | undefined): boolean {
  return headers !== undefined
}
