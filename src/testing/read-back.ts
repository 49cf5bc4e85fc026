import { messageOf, RivuletError } from '../errors.ts'
import type { StateStore } from '../state/store.ts'

interface Change {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
}

/**
 * Writes what has changed in a store as its changelog would have it, and takes it back from there: the store goes on
 * with what it would hold after a restart. Throws `ENCODE_FAILED` or `DECODE_FAILED` where it would not come back.
 */
export function readBack(store: StateStore, changelog: string): void {
  const changes: Change[] = []
  try {
    store.drainChanges((key, value, timestampMs) => changes.push({ key, value, timestampMs }))
    // Kafka has no time before the epoch.
    for (const { key, value, timestampMs } of changes) store.restore(key, value, Math.max(0, timestampMs))
  } catch (error) {
    const code = error instanceof RivuletError ? error.code : 'ENCODE_FAILED'
    const message = `what the store "${store.name}" holds does not come back from its changelog: ${messageOf(error)}`
    throw new RivuletError(code, message, { cause: error, place: { step: store.name, topic: changelog } })
  }
}
