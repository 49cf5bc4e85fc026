import type { Fetched, OutgoingRecords } from '../../src/kafka/kafka.ts'

/** Records with these values, keyed `k`, one ms apart. */
export function records(...values: readonly string[]): OutgoingRecords {
  return {
    keys: values.map(() => Buffer.from('k')),
    values: values.map((value) => Buffer.from(value)),
    timestampsMs: values.map((_, i) => 1_700_000_000_000 + i),
  }
}

export function numbered(count: number, prefix = 'v'): OutgoingRecords {
  return records(...Array.from({ length: count }, (_, i) => `${prefix}${i}`))
}

export function valuesOf(fetched: readonly Fetched[]): (string | undefined)[] {
  return fetched.flatMap(({ chunk }) => [...chunk.values].map((value) => value?.toString()))
}
