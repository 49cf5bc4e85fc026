import { lastValueFrom } from 'rxjs'
import type { TopicPartition } from '../kafka/types.ts'
import { type Covered, fingerprintOf, type Witness } from '../state/checkpoint.ts'
import type { InstanceContext } from './instance-context.ts'

interface Changelog extends TopicPartition {
  readonly context: Pick<InstanceContext, 'settings' | 'logger'>
}

/** A commit takes two offsets, its marker's and one for a record. */
const offsetsOfCommitMin = 2

/**
 * Whether the changelog up to `toOffset` leads on from where a checkpoint ends: it must be the changelog that the
 * checkpoint was made of, with its end, and must still have all the tombstones that have come since.
 */
export async function leadsOn(covered: Covered, changelog: Changelog, toOffset: number): Promise<boolean> {
  const behind = toOffset - covered.nextOffset
  if (behind < 0) return false
  if (behind >= offsetsOfCommitMin && !(await hasAllTombstones(covered, changelog))) return false
  return covered.witness !== undefined && (await isThere(covered.witness, changelog))
}

/** Compaction leaves each tombstone for so long; half of that is for reading them, and for clocks that disagree. */
async function hasAllTombstones({ knownAtMs }: Covered, { context, topic }: Changelog): Promise<boolean> {
  const { kafka, clock } = context.settings
  const config = await kafka.admin.topicConfig(topic)
  const keptMs = Number(config.get('delete.retention.ms') ?? 0)
  return Math.abs(clock.now() - knownAtMs) < keptMs / 2
}

/**
 * A changelog that was made anew, or has lost its end and grown again, has another record there. One that compaction took
 * is no witness: then the changelog is read from its beginning.
 */
async function isThere(witness: Witness, { context, topic, partition }: Changelog): Promise<boolean> {
  const range = { fromOffset: witness.offset, toOffset: witness.offset + 1 }
  const read = context.settings.kafka.read(topic, partition, range)
  const fetched = await lastValueFrom(read, { defaultValue: undefined })
  if (fetched?.chunk.offsets[0] !== witness.offset) return false
  const { keys, values, timestampsMs } = fetched.chunk
  const key = keys.at(0)
  if (!key) return false
  return fingerprintOf(key, values.at(0), timestampsMs[0] as number) === witness.fingerprint
}
