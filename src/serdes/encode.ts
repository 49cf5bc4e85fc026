import type { Serde, SerdeContext } from './serde.ts'

/** A key or a value in Kafka's bytes; null is null there too. Throws what the serde throws. */
export function encode<T>(value: T | null, serde: Serde<T>, context: SerdeContext): Buffer | null {
  return value === null ? null : serde.serialize(value, context)
}
