import { messageOf, RivuletError } from '../errors.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import type { ExternalSourceNode } from '../stream/graph.ts'

/** What a source has emitted, as records: keys and event times as the topology says. They have no offsets yet. Throws `CALLBACK_FAILED`. */
export function sourceChunk(
  { name, record }: ExternalSourceNode,
  values: readonly unknown[],
  nowMs: number,
): Chunk<unknown, unknown> {
  try {
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
  } catch (error) {
    const message = `key, timestampMs or headers of the source "${name}" threw: ${messageOf(error)}`
    throw new RivuletError('CALLBACK_FAILED', message, { cause: error, place: { step: name } })
  }
}

function isPresent(headers: Headers | undefined): boolean {
  return headers !== undefined
}
