import { attribute } from './record-batch.ts'
import { encodeBatch, readRecords } from './records.ts'

export type Outcome = 'commit' | 'abort'

/** The marker that ends a transaction in one partition. Takes one offset. Source: Kafka's `EndTransactionMarker`. */
export function encodeMarker(
  outcome: Outcome,
  producer: { readonly producerId: number; readonly producerEpoch: number },
  timestampMs: number,
): Buffer {
  const key = Buffer.from([0, 0, 0, outcome === 'commit' ? 1 : 0]) // version, type
  const value = Buffer.alloc(6) // version, coordinator epoch
  return encodeBatch([{ key, value }], {
    timestampMs,
    attributes: attribute.transactional | attribute.control,
    ...producer,
  })
}

/** What a control batch says; undefined for kinds other than the end of a transaction. */
export function readMarker(batch: Buffer): Outcome | undefined {
  const key = readRecords(batch)[0]?.key
  if (!key || key.length < 4) return undefined
  const kind = key.readInt16BE(2)
  return kind === 0 ? 'abort' : kind === 1 ? 'commit' : undefined
}
