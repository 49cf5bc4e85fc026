import { messageOf, RivuletError } from '../errors.ts'
import type { StateStore } from '../state/store.ts'

/** One change of a store as its changelog would have it. */
export interface Change {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
}

export interface CommitChangesOptions {
  readonly changelog: string
  /** Whether the store takes its changes back: it goes on with what it would hold after a restart. */
  readonly readsBack: boolean
}

/** Writes what has changed in a store as its changelog would have it, and says what that is. Throws where it can't be written, or read back. */
export function commitChanges(
  store: StateStore,
  { changelog, readsBack }: CommitChangesOptions,
): readonly Change[] {
  const changes: Change[] = []
  try {
    store.drainChanges((key, value, timestampMs) => changes.push({ key, value, timestampMs }))
    if (!readsBack) return changes
    // Kafka has no time before the epoch.
    for (const { key, value, timestampMs } of changes) store.restore(key, value, Math.max(0, timestampMs))
    return changes
  } catch (error) {
    const code = error instanceof RivuletError ? error.code : 'ENCODE_FAILED'
    const message = `what the store "${store.name}" holds does not come back from its changelog: ${messageOf(error)}`
    throw new RivuletError(code, message, { cause: error, place: { step: store.name, topic: changelog } })
  }
}
