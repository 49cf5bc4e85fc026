import type { Serde } from '../serdes/serde.ts'
import { avroFormat } from './avro.ts'
import type { AvroSchema, AvroValue } from './avro-value.ts'
import { RegistryClient, type RegistryOptions } from './client.ts'
import { jsonFormat } from './json-schema.ts'
import { type RegistrySerdeOptions, registrySerde, type SchemaFormat } from './registry-serde.ts'

/**
 * A schema registry with Confluent's API and wire format. A schema is fetched once, before the first record that needs it; a
 * registry that is away is asked again, and the partition waits; a login that it does not take ends the program. An id that
 * it does not know, or a schema that can't be read as the serde's own, makes a dead letter.
 *
 * @example
 * ```ts
 * const registry = new SchemaRegistry({ url: 'http://localhost:8081' })
 * const reading = { type: 'record', name: 'Reading', fields: [{ name: 'celsius', type: 'double' }] } as const
 * const readings = topic('readings', { key: serdes.string, value: registry.avro(reading) })
 * ```
 */
export class SchemaRegistry {
  readonly #client: RegistryClient

  /** Asks nothing yet. Throws `BAD_CONFIG` for what is no address, or no certificate. */
  constructor(options: RegistryOptions) {
    this.#client = new RegistryClient(options)
  }

  /**
   * Avro: the values are those of this schema, whatever schema they were written with. A `long` beyond 2^53 is refused;
   * logical types are what they stand for (a timestamp is a number). Throws `BAD_CONFIG` where `avsc` is not installed,
   * or can't read the schema.
   */
  avro<const S extends AvroSchema, T extends AvroValue<S>>(
    schema: S,
    options?: RegistrySerdeOptions,
  ): Serde<T>
  /** The same for a schema that TypeScript can't see into, such as one that was read from a file. */
  avro<T>(schema: AvroSchema, options?: RegistrySerdeOptions): Serde<T>
  avro(schema: AvroSchema, options: RegistrySerdeOptions = {}): unknown {
    return this.serde(avroFormat<unknown>(schema, options.references), options)
  }

  /**
   * JSON that is checked by this schema when it is read and when it is written, whatever schema it was written with. Throws
   * `BAD_CONFIG` where `ajv` is not installed, or can't use the schema.
   */
  json<T>(schema: object, options: RegistrySerdeOptions = {}): Serde<T> {
    return this.serde(jsonFormat<T>(schema, options.references), options)
  }

  /** Values of another language of schemas: Protobuf's, by `rivulet/registry/protobuf`, or one of your own. */
  serde<T>(format: SchemaFormat<T>, options: RegistrySerdeOptions = {}): Serde<T> {
    return registrySerde(this.#client, format, options)
  }
}
