import { hash } from 'node:crypto'
import type { Serde } from '../serdes/serde.ts'

/** Fingerprint of a left row's value: an answer to a row that has changed since is not used. */
export function fingerprint<V>(serde: Serde<V>, value: V | null): Buffer {
  if (value === null) return Buffer.alloc(0)
  return hash('sha256', serde.serialize(value), 'buffer').subarray(0, 16)
}
