import { messageOf } from '../errors.ts'
import type { BytesColumn, BytesDecoder } from '../records/bytes-column.ts'
import { decodeFailed, encodeFailed } from '../serdes/failures.ts'
import type { Serde, SerdeContext, SerdePlace } from '../serdes/serde.ts'
import type { ReferredSchema, RegistryClient, SchemaText } from './client.ts'
import { type MakeReader, SchemaCache } from './schema-cache.ts'
import { type SubjectStrategy, subjectOf } from './subject.ts'
import { noSchemaId, prefixBytes, prefixOf, schemaIdWithin } from './wire-format.ts'

/** How values of a schema are kept in the registry. */
export interface RegistrySerdeOptions {
  /** Default: `TopicName`. */
  readonly subjectStrategy?: SubjectStrategy
  /** Whether a schema that the subject has not is given to it. Default: no, and a record that needs it can't be written. */
  readonly autoRegister?: boolean
  /** What the schema refers to; what others of them refer to stands before those. */
  readonly references?: readonly ReferredSchema[]
}

/** One language of schemas, and one schema of it that values are read and written by here. */
export interface SchemaFormat<T> {
  /** The language: with the record's name, it is said in errors, and tells serdes apart in what is stored. */
  readonly name: string
  /** What is registered. */
  readonly text: SchemaText
  /** The full name of what the schema describes. */
  readonly recordName: string
  /** What stands behind the schema's id. Throws for what is no value. */
  write(value: T): Uint8Array
  /** For values of another schema, in the terms of this one. */
  readonly makeReader: MakeReader<T>
}

const idReader: BytesDecoder<number | undefined, undefined> = {
  deserialize: (bytes) => schemaIdWithin(bytes, 0, bytes.length),
  deserializeWithin: schemaIdWithin,
}

/** The serde of a format: fetches schemas before it reads and writes, and each once. */
export function registrySerde<T>(
  client: RegistryClient,
  format: SchemaFormat<T>,
  { subjectStrategy = 'TopicName', autoRegister = false }: RegistrySerdeOptions,
): Serde<T> {
  const name = `${format.name} ${format.recordName}`
  const schemas = new SchemaCache(client, format.makeReader)
  /** What is written with, by subject; or why it can't be. */
  const prefixes = new Map<string, Buffer | string>()
  const subjectAt = (place: SerdePlace) => subjectOf(subjectStrategy, place, format.recordName)
  return {
    name,
    prepareRead(bytes, place) {
      const subject = subjectAt(place)
      return prepareIds(bytes, (id) => schemas.prepare(id, subject))
    },
    prepareWrite(place) {
      const subject = subjectAt(place)
      if (prefixes.has(subject)) return undefined
      return client.idOf(subject, format.text, autoRegister).then((id) => {
        prefixes.set(subject, typeof id === 'number' ? prefixOf(id) : id.refused)
      })
    },
    serialize(value, context) {
      const prefix = prefixAt(context)
      let body: Uint8Array
      try {
        body = format.write(value)
      } catch (error) {
        throw encodeFailed(name, messageOf(error), error)
      }
      return Buffer.concat([prefix, body])
    },
    deserialize: (bytes) => readWithin(bytes, 0, bytes.length),
    deserializeWithin: readWithin,
  }

  function prefixAt(context: SerdeContext | undefined): Buffer {
    if (!context) return comparedPrefix
    const subject = subjectAt(context)
    const prefix = prefixes.get(subject) ?? `the schema of "${subject}" was not asked for`
    if (typeof prefix === 'string') throw encodeFailed(name, prefix)
    return prefix
  }

  function readWithin(bytes: Buffer, from: number, to: number): T {
    const id = schemaIdWithin(bytes, from, to)
    if (id === undefined) throw noSchemaId(name, bytes, from, to)
    const read = schemas.readerOf(id)
    if (!read) throw decodeFailed(name, schemas.refusalOf(id))
    try {
      return read(bytes, from + prefixBytes, to)
    } catch (error) {
      throw decodeFailed(`${name} of schema ${id}`, messageOf(error), error)
    }
  }
}

/** Of bytes that are only compared with others. */
const comparedPrefix = prefixOf(0)

function prepareIds(
  bytes: BytesColumn,
  prepare: (id: number) => Promise<void> | undefined,
): Promise<void> | undefined {
  let waiting: Set<Promise<void>> | undefined
  let last: number | undefined
  for (let i = 0; i < bytes.length; i++) {
    const id = bytes.isNull(i) ? undefined : bytes.decode(i, idReader, undefined)
    // Most records of a topic are of one schema.
    if (id === undefined || id === last) continue
    last = id
    const ready = prepare(id)
    if (!ready) continue
    waiting ??= new Set()
    waiting.add(ready)
  }
  return waiting && Promise.all(waiting).then(() => undefined)
}
