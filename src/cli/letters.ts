import { firstValueFrom } from 'rxjs'
import type { Kafka } from '../kafka/types.ts'
import type { Headers, RawChunk } from '../records/chunk.ts'
import { type LetterOrigin, originOf } from '../runtime/letter-origin.ts'

/** A dead letter as it lies in its topic. */
export interface Letter {
  /** `<topic>/<partition>:<offset>`. */
  readonly place: string
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
  /** Undefined: it came of no record of a topic, but of a source. */
  readonly origin: LetterOrigin | undefined
}

/** All that a topic of dead letters holds now, fetch after fetch. */
export async function* lettersOf(kafka: Kafka, topic: string): AsyncIterable<readonly Letter[]> {
  for await (const chunk of chunksOf(kafka, topic)) yield lettersIn(chunk)
}

/** What the topic holds now, fetch after fetch. */
export async function* chunksOf(kafka: Kafka, topic: string): AsyncIterable<RawChunk> {
  for (const { partition, lowOffset, endOffset } of await kafka.admin.offsets(topic)) {
    for (let fromOffset = lowOffset; fromOffset < endOffset; ) {
      const read = kafka.read(topic, partition, { fromOffset, toOffset: endOffset })
      const fetched = await firstValueFrom(read, { defaultValue: undefined })
      if (!fetched) break
      yield fetched.chunk
      fromOffset = fetched.nextOffset
    }
  }
}

function lettersIn({ topic, partition, keys, values, timestampsMs, offsets, headers }: RawChunk): Letter[] {
  return offsets.map((offset, i) => {
    const own = headers?.[i] ?? []
    return {
      place: `${topic}/${partition}:${offset}`,
      offset,
      key: keys.at(i),
      value: values.at(i),
      timestampMs: timestampsMs[i] ?? 0,
      headers: own,
      origin: originOf(own),
    }
  })
}

/** Undefined: there is none. */
export async function letterAt(
  kafka: Kafka,
  topic: string,
  partition: number,
  offset: number,
): Promise<Letter | undefined> {
  const ranges = await kafka.admin.offsets(topic)
  const range = ranges.find((each) => each.partition === partition)
  if (!range || offset < range.lowOffset || offset >= range.endOffset) return undefined
  const read = kafka.read(topic, partition, { fromOffset: offset, toOffset: offset + 1 })
  const fetched = await firstValueFrom(read, { defaultValue: undefined })
  return fetched && lettersIn(fetched.chunk).find((letter) => letter.offset === offset)
}

/** `<topic>/<partition>`. */
export function partitionOf({ place }: Letter): string {
  return place.slice(0, place.lastIndexOf(':'))
}
