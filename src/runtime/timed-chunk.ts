import { ChunkBuilder } from '../operators/chunk-builder.ts'
import { callbackError, type DropReason } from '../operators/operator.ts'
import type { Chunk } from '../records/chunk.ts'
import type { TopicSourceNode } from '../stream/graph.ts'
import { type CallbackErrorHandler, type Failure, failedRecord } from './failed-record.ts'

type AnyChunk = Chunk<unknown, unknown>

/** Records of a topic with event times as the topology tells them. */
export interface TimedChunk extends AnyChunk {
  /** Offsets of those that only say how far event time has come; absent: there are none. */
  readonly heartbeats?: ReadonlySet<number>
}

/** A record that a topic's step left out. */
export interface DroppedInput {
  readonly offset: number
  readonly reason: DropReason
  /** It belongs among the dead letters. */
  readonly failure?: Failure
}

/** What becomes of decoded records. */
export interface Timing {
  readonly chunk: TimedChunk
  readonly dropped: readonly DroppedInput[]
}

const nothing: readonly DroppedInput[] = []

/**
 * The one place where a topic's step asks the user's callbacks for event times and heartbeats, once for each record.
 * Of a fraction the whole ms are taken, as Java does; then a negative time, or what is no time at all, drops the record,
 * whoever gave it: Kafka's −1 is "none". Throws `CALLBACK_FAILED` with the place of the record where a callback throws,
 * unless the handler says that the record is to be left out.
 */
export function timeChunk(
  { name, timestampMs, heartbeat }: Pick<TopicSourceNode, 'name' | 'timestampMs' | 'heartbeat'>,
  chunk: AnyChunk,
  onCallbackError: CallbackErrorHandler,
): Timing {
  const { keys, values, timestampsMs, offsets } = chunk
  if (!timestampMs && !heartbeat && timestampsMs.every(isWhole)) return { chunk, dropped: nothing }
  const kept = new ChunkBuilder<unknown, unknown>(chunk)
  const heartbeats = new Set<number>()
  const dropped: DroppedInput[] = []
  const drop = (i: number, reason: DropReason, failed: Pick<DroppedInput, 'failure'> = {}) =>
    dropped.push({ offset: offsets[i] as number, reason, ...failed })
  const take = (i: number) => {
    const recordMs = timestampsMs[i] as number
    const eventMs = wholeMs(timestampMs ? timestampMs.extract(values[i], keys[i], recordMs) : recordMs)
    if (!(eventMs >= 0 && eventMs < Number.POSITIVE_INFINITY)) {
      drop(i, 'negative-timestamp')
      return
    }
    if (heartbeat?.test(values[i], keys[i])) heartbeats.add(offsets[i] as number)
    kept.push(i, keys[i], values[i], eventMs)
  }
  let i = 0
  while (i < keys.length) {
    try {
      for (; i < keys.length; i++) take(i)
    } catch (thrown) {
      const error = callbackError(name, thrown, chunk, i)
      if (error.code !== 'CALLBACK_FAILED') throw error
      const record = failedRecord(name, chunk, i)
      const outcome = onCallbackError(error, record)
      if (outcome === 'fail') throw error
      drop(i++, 'callback-failed', outcome === 'dead-letter' ? { failure: { error, record } } : {})
    }
  }
  return { chunk: heartbeats.size > 0 ? { ...kept.build(), heartbeats } : kept.build(), dropped }
}

const isWhole = (timestampMs: number) => timestampMs >= 0 && Number.isInteger(timestampMs)

/** Never −0. */
const wholeMs = (timestampMs: number) => Math.trunc(timestampMs) + 0
