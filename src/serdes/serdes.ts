import type { StandardSchemaV1 } from '@standard-schema/spec'
import { messageOf, RivuletError } from '../errors.ts'
import { shown } from '../shown.ts'
import { bigint } from './bigint.ts'
import { date } from './date.ts'
import { isWellFormed } from './exact-json.ts'
import { decodeFailed, encodeFailed } from './failures.ts'
import { int32 } from './int32.ts'
import { jsonBigint } from './json-bigint.ts'
import { readJson, writeJson } from './json-text.ts'
import { preparedAs } from './prepared-as.ts'
import type { Serde } from './serde.ts'
import { TextCache } from './text-cache.ts'
import { uuid } from './uuid.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const texts = new TextCache()

/** Most keys are: then there is nothing to decode. */
function isAscii(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if ((bytes[i] as number) > 0x7f) return false
  return true
}

function textWithin(bytes: Buffer, from: number, to: number): string {
  if (isAscii(bytes, from, to)) return texts.read(bytes, from, to)
  try {
    return utf8.decode(bytes.subarray(from, to))
  } catch (error) {
    throw decodeFailed('string', 'the bytes are no UTF-8', error)
  }
}

const string: Serde<string> = {
  name: 'string',
  serialize(value) {
    if (typeof value !== 'string') throw encodeFailed('string', `it is of type ${typeof value}`)
    const bytes = Buffer.from(value, 'utf8')
    // As many bytes as characters: it is ASCII.
    if (bytes.length !== value.length && !isWellFormed(value))
      throw encodeFailed('string', 'half of a surrogate pair has no UTF-8')
    return bytes
  },
  deserialize: (bytes) => textWithin(bytes, 0, bytes.length),
  deserializeWithin: textWithin,
  fromText: (text) => text,
}

/** A signed 64-bit integer, big-endian, as Kafka Streams' `Serdes.Long()`; within JavaScript's safe integers. */
const long: Serde<number> = {
  name: 'long',
  serialize(value) {
    if (!Number.isSafeInteger(value)) throw encodeFailed('long', `${shown(value)} is no safe integer`)
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), 0)
    bytes.writeUInt32BE(value >>> 0, 4)
    return bytes
  },
  deserialize(bytes) {
    if (bytes.length !== 8) throw decodeFailed('long', `it has ${bytes.length} bytes, not 8`)
    const value = bytes.readInt32BE(0) * 0x1_0000_0000 + bytes.readUInt32BE(4)
    if (!Number.isSafeInteger(value)) throw decodeFailed('long', `${bytes.readBigInt64BE(0)} is beyond 2^53`)
    return value
  },
  fromText(text) {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(value)) throw decodeFailed('long', `${shown(text)} is no safe integer`)
    return value
  },
}

/** A 64-bit float, big-endian, as Kafka Streams' `Serdes.Double()`. */
const double: Serde<number> = {
  name: 'double',
  serialize(value) {
    if (typeof value !== 'number') throw encodeFailed('double', `it is of type ${typeof value}`)
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeDoubleBE(value, 0)
    return bytes
  },
  deserialize(bytes) {
    if (bytes.length !== 8) throw decodeFailed('double', `it has ${bytes.length} bytes, not 8`)
    return bytes.readDoubleBE(0)
  },
  fromText(text) {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (Number.isNaN(value)) throw decodeFailed('double', `${shown(text)} is no number`)
    return value
  },
}

const bytes: Serde<Buffer> = { name: 'bytes', serialize: (value) => value, deserialize: (value) => value }

/**
 * JSON that comes back as it is: refused, when it is written and when it is read, are integers beyond 2^53 (`jsonBigint`
 * has them), halves of surrogate pairs, and what is nested more than 1,000 deep; when it is written also NaN and
 * ±Infinity, functions, `undefined` in a list, `Map`, `Set`, and without a schema what has a `toJSON`, such as
 * a `Date`. A field that is undefined is left out, and −0 is 0.
 *
 * With a schema (Standard Schema: zod, valibot, arktype …) what is read is checked by it, and what the schema makes of
 * it is the value; what is written is trusted, for the types have checked it. The schema must be synchronous.
 */
function json<T>(): Serde<T>
function json<S extends StandardSchemaV1>(schema: S): Serde<StandardSchemaV1.InferOutput<S>>
function json(schema?: StandardSchemaV1): Serde<unknown> {
  const hasSchema = schema !== undefined
  return {
    name: 'json',
    serialize: (value) => Buffer.from(writeJson(value, hasSchema), 'utf8'),
    deserialize(bytes) {
      const value = parse(bytes)
      return schema ? validate(schema, value) : value
    },
    // What is no JSON is a string without its quotes.
    fromText(text) {
      const value = isJson(text) ? readJson(text) : text
      return schema ? validate(schema, value) : value
    },
  }
}

function parse(bytes: Buffer): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (error) {
    throw decodeFailed('json', messageOf(error), error)
  }
  return readJson(text)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function validate(schema: StandardSchemaV1, value: unknown): unknown {
  const result = validated(schema, value)
  if (result instanceof Promise) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      'a serde needs a synchronous schema; this one answers with a promise',
    )
  }
  if (result.issues) {
    const issues = result.issues.map(({ message, path }) =>
      path?.length ? `${pathOf(path)}: ${message}` : message,
    )
    throw decodeFailed('json of this schema', issues.join('; '))
  }
  return result.value
}

function validated(schema: StandardSchemaV1, value: unknown) {
  try {
    return schema['~standard'].validate(value)
  } catch (error) {
    throw decodeFailed('json of this schema', messageOf(error), error)
  }
}

function pathOf(path: ReadonlyArray<PropertyKey | StandardSchemaV1.PathSegment>): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
}

/**
 * The same serde for a type that includes null: a null key, or a null value, then reaches the pipeline.
 *
 * @example
 * ```ts
 * const counts = topic('counts', { key: serdes.string, value: nullable(serdes.long) })
 * ```
 */
export function nullable<T>(serde: Serde<T>): Serde<T | null> {
  return {
    name: serde.name,
    nullable: true,
    serialize(value, context) {
      if (value === null) throw encodeFailed(serde.name, 'null stands outside the bytes')
      return serde.serialize(value, context)
    },
    deserialize: (bytes, context) => serde.deserialize(bytes, context),
    fromText: (text) => valueFromText(serde, text),
    ...preparedAs(serde),
  }
}

/** The serde for what is left when nulls have been left out. */
export function nonNull<T>(serde: Serde<T>): Serde<NonNullable<T>> {
  const present = (value: T): NonNullable<T> => {
    if (value === null || value === undefined) throw decodeFailed(serde.name, 'it is null')
    return value
  }
  return {
    name: serde.name,
    serialize: (value, context) => serde.serialize(value, context),
    deserialize: (bytes, context) => present(serde.deserialize(bytes, context)),
    fromText: (text) => present(valueFromText(serde, text)),
    ...preparedAs(serde),
  }
}

/** The value that a person means by a text. Throws `DECODE_FAILED` where there is none. */
export function valueFromText<T>(serde: Serde<T>, text: string): T {
  return serde.fromText ? serde.fromText(text) : serde.deserialize(Buffer.from(text, 'utf8'))
}

/**
 * The serdes that come along; any object of type `Serde` does as well.
 *
 * @example
 * ```ts
 * const readings = topic('readings', { key: serdes.uuid, value: serdes.json<{ celsius: number }>() })
 * ```
 */
export const serdes = {
  /** UTF-8 text. */
  string,
  /** A signed 64-bit integer, big-endian, as Kafka Streams' `Serdes.Long()`; within JavaScript's safe integers. */
  long,
  /** A signed 64-bit integer, big-endian, as Kafka's `LongSerializer`; all of them, also those beyond 2^53. */
  bigint,
  /** A signed 32-bit integer, big-endian, as Kafka's `IntegerSerializer`. */
  int32,
  /** A 64-bit float, big-endian, as Kafka Streams' `Serdes.Double()`. */
  double,
  /** A point in time as ms since the epoch, a signed 64-bit integer, big-endian: a `Date`. */
  date,
  /** A UUID as text in UTF-8, in lower case, as Kafka's `UUIDSerializer`. */
  uuid,
  /** The bytes as they are: a view, to be copied if it is kept. */
  bytes,
  /** JSON that comes back as it is; with a Standard Schema (zod, valibot, arktype …), what is read is checked by it. */
  json,
  /** JSON whose integers beyond 2^53 are bigints. */
  jsonBigint,
  /** The same serde for a type that includes null. */
  nullable,
}
