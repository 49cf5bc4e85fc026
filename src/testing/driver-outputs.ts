import { RivuletError } from '../errors.ts'
import type { Chunk, PlainRecord, RawChunk } from '../records/chunk.ts'
import type { RecordSerdes } from '../runtime/destination.ts'
import { decodeChunk } from '../serdes/decode-chunk.ts'
import { nullable } from '../serdes/serdes.ts'

/** A record as it lies in a topic. Of what an external sink was given: as the record that it came of lies in its own. */
export interface ReadRecord<K, V> extends PlainRecord<K, V> {
  /** Of the topic. */
  readonly partition: number
  /** In the partition. */
  readonly offset: number
}

/** A record that came out, with the topic that it was written to, or the name of the step that is a sink. */
export interface OutputRecord extends ReadRecord<unknown, unknown> {
  /** The topic's name, or the sink's step. */
  readonly topic: string
}

interface Output {
  /** The topic, or the step. */
  readonly name: string
  /** The serdes of who has written it, unless those of the reader are given. */
  records(reader?: RecordSerdes<unknown, unknown>): ReadRecord<unknown, unknown>[]
}

/** What came out and was not read yet, in order; records are made of it when somebody reads. */
export class DriverOutputs {
  #outputs: Output[] = []

  addBytes(written: RawChunk, writer: RecordSerdes<unknown, unknown>): void {
    this.#outputs.push({ name: written.topic, records: (reader = writer) => decoded(written, reader) })
  }

  addChunk(step: string, chunk: Chunk<unknown, unknown>): void {
    this.#outputs.push({ name: step, records: () => placed(chunk) })
  }

  take(name: string, reader?: RecordSerdes<unknown, unknown>): ReadRecord<unknown, unknown>[] {
    const taken = this.#outputs.filter((output) => output.name === name)
    this.#outputs = this.#outputs.filter((output) => output.name !== name)
    return taken.flatMap((output) => output.records(reader))
  }

  takeAll(): OutputRecord[] {
    const taken = this.#outputs
    this.#outputs = []
    return taken.flatMap(({ name, ...output }) =>
      output.records().map((record) => ({ topic: name, ...record })),
    )
  }
}

/** Throws `DECODE_FAILED` for what the serdes refuse; null is null, whatever they say. */
function decoded(
  written: RawChunk,
  { key, value }: RecordSerdes<unknown, unknown>,
): ReadRecord<unknown, unknown>[] {
  const isKeyless = written.offsets.some((_, i) => written.keys.isNull(i))
  const keys = isKeyless ? nullable(key) : key
  const { chunk, undecodable } = decodeChunk(written, { key: keys, value, tombstones: true })
  const [bad] = undecodable
  if (!bad) return placed(chunk)
  const { topic, partition } = written
  const offset = written.offsets[bad.index] as number
  const message = `${topic}/${partition} offset ${offset} can't be decoded: ${bad.reason}`
  throw new RivuletError('DECODE_FAILED', message, { place: { topic, partition, offset } })
}

function placed({
  partition,
  keys,
  values,
  timestampsMs,
  offsets,
  headers,
}: Chunk<unknown, unknown>): ReadRecord<unknown, unknown>[] {
  return offsets.map((offset, i) => {
    const record = {
      key: keys[i],
      value: values[i],
      timestampMs: timestampsMs[i] as number,
      partition,
      offset,
    }
    const own = headers?.[i]
    return own ? { ...record, headers: own } : record
  })
}
