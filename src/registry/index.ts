/** `rivulet/registry`: serdes whose schemas a registry keeps, in Confluent's wire format. */

export type { AvroSchema, AvroValue } from './avro-value.ts'
export type { RegistryAuth, RegistryOptions, SchemaReference } from './client.ts'
export type { ReferredSchema, RegistrySerdeOptions } from './registry-serde.ts'
export { SchemaRegistry } from './schema-registry.ts'
export type { SubjectStrategy } from './subject.ts'
