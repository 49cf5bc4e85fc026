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

/** A schema, */
export const reading = {
  type: 'record',
  name: 'Reading',
  namespace: 'home',
  fields: [
    { name: 'device', type: 'string' },
    { name: 'celsius', type: 'double' },
  ],
} as const
/** the one that came after it, */
export const newer = {
  ...reading,
  fields: [...reading.fields, { name: 'room', type: ['null', 'string'], default: null }],
} as const
/** and a value of the first. */
export const kitchen = { device: 'a', celsius: 20.5 }

/** What the serializer of confluent-kafka for Python has written, with a schema that is the registry's first one. */
export const stockAvro = {
  schema: {
    type: 'record',
    name: 'Reading',
    fields: [
      { name: 'device', type: 'string' },
      { name: 'celsius', type: 'double' },
    ],
  },
  bytes: Buffer.from('000000000102610000000000803440', 'hex'),
} as const

/** What stands in Kafka for a body of that schema. */
export function framed(id: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0, 0, 0, 0, id), body])
}
