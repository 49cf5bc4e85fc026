import { BytesColumn } from '../../src/records/bytes-column.ts'
import type { Serde } from '../../src/serdes/serde.ts'

/** Where the values of these tests stand. */
export const place = { topic: 'readings', part: 'value' } as const
const context = { ...place, headers: undefined }

/** As a program writes it: what it must ask for first, it has. */
export async function written<T>(serde: Serde<T>, value: T): Promise<Buffer> {
  await serde.prepareWrite?.(place)
  return serde.serialize(value, context)
}

/** As a program reads it. */
export async function read<T>(serde: Serde<T>, bytes: Buffer): Promise<T> {
  await serde.prepareRead?.(BytesColumn.of([bytes]), place)
  return serde.deserialize(bytes, context)
}

/** What stands in Kafka for a body of that schema. */
export function framed(id: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0, 0, 0, 0, id), body])
}
