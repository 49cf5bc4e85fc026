import { lastValueFrom, map } from 'rxjs'
import { unlessAborted } from '../aborted.ts'
import type { RawChunk } from '../records/chunk.ts'
import { type DeadLetterRecord, type LetterPlace, letterOf } from './dead-letter.ts'
import type { InstanceContext } from './instance-context.ts'

/**
 * What a sink refused, as it goes to its dead-letter topic. It is read again, so that no batch need keep the bytes of all its
 * records; where it is gone by then, its place and the reason are all that is left of it.
 */
export async function refusedLetterOf(
  { settings: { kafka, clock }, over }: Pick<InstanceContext, 'settings' | 'over'>,
  place: LetterPlace,
  reason: string,
): Promise<DeadLetterRecord> {
  const { topic, partition, offset } = place
  const fetched$ = kafka.read(topic, partition, { fromOffset: offset, toOffset: offset + 1 })
  const found = await unlessAborted(
    lastValueFrom(fetched$.pipe(map(({ chunk }) => recordAt(chunk, offset))), { defaultValue: undefined }),
    over,
  )
  return letterOf(found ?? { key: null, value: null, timestampMs: clock.now(), headers: [] }, place, reason)
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
