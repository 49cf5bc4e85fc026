import { messageOf, RivuletError } from '../errors.ts'
import type { BytesColumn } from '../records/bytes-column.ts'
import type { Chunk, Headers, RawChunk } from '../records/chunk.ts'
import { stackHashOf } from '../stack-hash.ts'
import type { Serde, SerdeContext } from './serde.ts'

export interface ChunkSerdes {
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Null values are deletions, whatever the serde says. */
  readonly tombstones: boolean
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** A record that its topic's serdes refuse. */
export interface Undecodable {
  /** Which one of the raw chunk. */
  readonly index: number
  readonly reason: string
  /** Of what the serde threw. */
  readonly stackHash: string
}

export interface DecodedChunk {
  /** Without the undecodable ones. */
  readonly chunk: Chunk<unknown, unknown>
  readonly undecodable: readonly Undecodable[]
}

/**
 * Before `decodeChunk`: fetches what its serdes need, undefined when it is all there. Rejects with what may pass; throws
 * `CALLBACK_FAILED` where a serde throws instead.
 */
export function prepareChunk(
  { topic, keys, values }: RawChunk,
  { key, value }: ChunkSerdes,
): Promise<unknown> | undefined {
  try {
    const keyReady = key.prepareRead?.(keys, { topic, part: 'key' })
    const valueReady = value.prepareRead?.(values, { topic, part: 'value' })
    return keyReady && valueReady ? Promise.all([keyReady, valueReady]) : (keyReady ?? valueReady)
  } catch (error) {
    const message = `a serde of "${topic}" threw while it prepared: ${messageOf(error)}`
    throw new RivuletError('CALLBACK_FAILED', message, { cause: error, place: { topic } })
  }
}

/** The one place where fetched bytes become keys and values. Nothing here throws for what is in the bytes. */
export function decodeChunk(raw: RawChunk, { key, value, tombstones }: ChunkSerdes): DecodedChunk {
  const count = raw.keys.length
  const keys: unknown[] = new Array(count)
  const values: unknown[] = new Array(count)
  const nullKeys = key.nullable === true
  const nullValues = tombstones || value.nullable === true
  const keyContext = contextOf(raw, 'key')
  const valueContext = contextOf(raw, 'value')
  const undecodable: Undecodable[] = []
  let i = 0
  while (i < count) {
    // One `try` for many records: what a bad one costs, the others do not pay.
    let part = 'key'
    try {
      for (; i < count; i++) {
        keyContext.headers = valueContext.headers = raw.headers?.[i]
        part = 'key'
        keys[i] = decode(raw.keys, i, key, nullKeys, keyContext)
        part = 'value'
        values[i] = decode(raw.values, i, value, nullValues, valueContext)
      }
    } catch (error) {
      undecodable.push({ index: i, reason: `${part}: ${messageOf(error)}`, stackHash: stackHashOf(error) })
      i++
    }
  }
  const { topic, partition, timestampsMs, offsets, headers } = raw
  const chunk = { topic, partition, keys, values, timestampsMs, offsets, ...(headers && { headers }) }
  return { chunk: undecodable.length > 0 ? without(chunk, undecodable) : chunk, undecodable }
}

/** One for all records of a column. */
function contextOf({ topic }: RawChunk, part: SerdeContext['part']): Mutable<SerdeContext> {
  return { topic, part, headers: undefined }
}

function decode(
  column: BytesColumn,
  index: number,
  serde: Serde<unknown>,
  nullable: boolean,
  context: SerdeContext,
): unknown {
  if (!column.isNull(index)) return column.decode(index, serde, context)
  if (nullable) return null
  throw new TypeError(`it is null, and ${serde.name} is not nullable`)
}

function without(
  chunk: Chunk<unknown, unknown>,
  undecodable: readonly Undecodable[],
): Chunk<unknown, unknown> {
  const bad = new Set(undecodable.map(({ index }) => index))
  const keep = <T>(column: readonly T[]) => column.filter((_, i) => !bad.has(i))
  const headers: readonly (Headers | undefined)[] | undefined = chunk.headers && keep(chunk.headers)
  return {
    topic: chunk.topic,
    partition: chunk.partition,
    keys: keep(chunk.keys),
    values: keep(chunk.values),
    timestampsMs: keep(chunk.timestampsMs),
    offsets: keep(chunk.offsets),
    ...(headers && { headers }),
  }
}
