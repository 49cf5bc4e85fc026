import { decodeFailed } from '../serdes/failures.ts'

/** A zero, and the schema's id in four bytes. Source: Confluent's wire format. */
export const prefixBytes = 5

/** Undefined: bytes that no schema's id stands before. */
export function schemaIdWithin(bytes: Buffer, from: number, to: number): number | undefined {
  return to - from >= prefixBytes && bytes[from] === 0 ? bytes.readUInt32BE(from + 1) : undefined
}

/** What stands before each value that is written with that schema. */
export function prefixOf(schemaId: number): Buffer {
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt32BE(schemaId, 1)
  return prefix
}

/** What is wrong with bytes that have no id. */
export function noSchemaId(serde: string, bytes: Buffer, from: number, to: number): Error {
  const why =
    to - from < prefixBytes
      ? `it has ${to - from} bytes, and a schema's id takes ${prefixBytes}`
      : `it begins with ${bytes[from]}, and a schema's id with 0`
  return decodeFailed(serde, why)
}
