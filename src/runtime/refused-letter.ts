import { lastValueFrom, map } from 'rxjs'
import { unlessAborted } from '../aborted.ts'
import { messageOf, RivuletError } from '../errors.ts'
import type { RawChunk } from '../records/chunk.ts'
import { shown } from '../shown.ts'
import { stackHashOf } from '../stack-hash.ts'
import { type DeadLetterRecord, type LetterCause, type LetterPlace, letterOf } from './dead-letter.ts'
import type { Failure } from './failed-record.ts'
import type { InstanceContext } from './instance-context.ts'

type Context = Pick<InstanceContext, 'layout' | 'settings' | 'over'>

/**
 * What a sink refused, as it goes to its dead-letter topic. It is read again, so that no batch need keep the bytes of all its
 * records; where it is gone by then, its place and the reason are all that is left of it.
 */
export async function refusedLetterOf(
  { settings: { kafka, clock }, over }: Context,
  place: LetterPlace,
  error: unknown,
): Promise<DeadLetterRecord> {
  const { topic, partition, offset } = place
  const fetched$ = kafka.read(topic, partition, { fromOffset: offset, toOffset: offset + 1 })
  const found = await unlessAborted(
    lastValueFrom(fetched$.pipe(map(({ chunk }) => recordAt(chunk, offset))), { defaultValue: undefined }),
    over,
  )
  const record = found ?? { key: null, value: null, timestampMs: clock.now(), headers: [] }
  return letterOf(record, place, causeOf(error))
}

/** The same of a record that is at hand. */
export function refusedAt(chunk: RawChunk, place: LetterPlace, error: unknown): DeadLetterRecord {
  const record = recordAt(chunk, place.offset)
  if (!record) throw new RivuletError('INTERNAL', `the chunk has no offset ${place.offset}`, { place })
  return letterOf(record, place, causeOf(error))
}

function causeOf(error: unknown): LetterCause {
  return { reason: messageOf(error), stackHash: stackHashOf(error) }
}

/** The input record at which a step failed. Of what came of none, what the step had is written as text. */
export async function failedLetterOf(
  context: Context,
  { error, record }: Failure,
): Promise<DeadLetterRecord> {
  const letter =
    record.offset < 0 ? shownLetterOf({ error, record }) : await refusedLetterOf(context, record, error)
  await makeMissing(context, letter.topic)
  return letter
}

/** What came of no record of a topic. */
export function shownLetterOf({ error, record }: Failure): DeadLetterRecord {
  const { key, value, timestampMs, headers } = record
  const shownRecord = { key: textOf(key), value: textOf(value), timestampMs, headers }
  return letterOf(shownRecord, record, causeOf(error))
}

function textOf(value: unknown): Buffer | null {
  if (value === null || value === undefined) return null
  if (Buffer.isBuffer(value)) return value
  return Buffer.from(typeof value === 'string' ? value : shown(value))
}

/** Dead letters of the application's own topics are rare: their topics are made when the first one comes. */
async function makeMissing({ layout, settings }: Context, topic: string): Promise<void> {
  if (layout.partitionCounts.has(topic)) return
  await settings.kafka.admin.ensureTopics([{ name: topic, partitions: 1, config: { 'retention.ms': '-1' } }])
}

function recordAt(chunk: RawChunk, offset: number): Omit<DeadLetterRecord, 'topic'> | undefined {
  const index = chunk.offsets.indexOf(offset)
  if (index < 0) return undefined
  return {
    key: chunk.keys.at(index),
    value: chunk.values.at(index),
    timestampMs: chunk.timestampsMs[index] as number,
    headers: chunk.headers?.[index] ?? [],
  }
}
