import type { KafkaProducer, OutgoingRecords } from '../../src/kafka/types.ts'

/** What was sent, as keys, and its answer, which the test gives. */
export interface HeldSend {
  readonly topic: string
  readonly partition: number
  readonly keys: readonly string[]
  readonly records: OutgoingRecords
  acknowledge(): void
  refuse(error: unknown): void
}

/** A producer that answers nothing by itself. */
export function heldProducer(): KafkaProducer & { readonly sent: HeldSend[] } {
  const sent: HeldSend[] = []
  return {
    sent,
    bytesInFlight: 0,
    ready: async () => {},
    close: async () => {},
    send: (topic, partition, records) =>
      new Promise((resolve, refuse) => {
        const keys = records.keys.map(String)
        sent.push({
          topic,
          partition,
          keys,
          records,
          acknowledge: () => resolve({ baseOffset: 0 }),
          refuse,
        })
      }),
  }
}
