/** `rivulet/registry`: serdes whose schemas a registry keeps, in Confluent's wire format. */

export type { AvroSchema, AvroValue } from './avro-value.ts'
export type {
  ReferredSchema,
  RegistryAuth,
  RegistryOptions,
  ResolvedSchema,
  SchemaReference,
  SchemaText,
  SchemaType,
} from './client.ts'
export type { RegistrySerdeOptions, SchemaFormat } from './registry-serde.ts'
export type { MakeReader, ReadWithin } from './schema-cache.ts'
export { SchemaRegistry } from './schema-registry.ts'
export type { SubjectStrategy } from './subject.ts'
