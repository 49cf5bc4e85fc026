import type { Processor, ProcessorContext, RecordInfo, StoreSpecs } from './process.ts'

/** What a processor is given that forwards values alone. */
export interface ValueProcessorContext<K, V, S extends StoreSpecs>
  extends Omit<ProcessorContext<K, V, S>, 'forward'> {
  /** Sends a value on under the key of the record that is being processed. Punctuations have no record, so no key. */
  forward(value: V, timestampMs?: number): void
}

/** As a `Processor`, but what it forwards has the key of the record. */
export type ValueProcessor<K, V, V2, S extends StoreSpecs> = (
  context: ValueProcessorContext<K, V2, S>,
) => (value: V, key: K, record: RecordInfo) => void

/**
 * The processor as one that `process` takes: what it forwards has the key of the record. Source: Kafka Streams
 * `KStream.processValues`.
 */
export function keepingKeys<K, V, V2, S extends StoreSpecs>(
  processor: ValueProcessor<K, V, V2, S>,
): Processor<K, V, K, V2, S> {
  return (context) => {
    let current: { readonly key: K } | undefined
    const handle = processor({
      ...context,
      forward(value, timestampMs) {
        if (!current)
          throw new Error('processValues() forwards from a punctuation: there is no key then; use process()')
        context.forward(current.key, value, timestampMs)
      },
    })
    return (value, key, record) => {
      current = { key }
      try {
        handle(value, key, record)
      } finally {
        current = undefined
      }
    }
  }
}
