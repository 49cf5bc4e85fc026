import assert from 'node:assert/strict'
import { create } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { type RegistrySerdeOptions, SchemaRegistry } from 'rivulet/registry'
import { protobuf } from 'rivulet/registry/protobuf'
import { framed, kitchen, newer, read, reading, written } from '../../test/support/registry-values.ts'

type Check = (url: string) => Promise<void>

const timestampProto = `syntax = "proto3";
package google.protobuf;
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
`

const avro = (url: string, options: RegistrySerdeOptions = { autoRegister: true }) =>
  new SchemaRegistry({ url }).avro(reading, options)

/** What the registry and these serdes make of each other; they build on one another. */
export const registryChecks: readonly (readonly [what: string, check: Check])[] = [
  [
    'a schema that the subject has not is refused unless it may be registered',
    async (url) => {
      await assert.rejects(written(avro(url, {}), kitchen), /no such schema of "readings-value"/)
      await written(avro(url), kitchen)
      await written(avro(url, {}), kitchen)
    },
  ],
  [
    'Avro is read back by a serde that must fetch its schema',
    async (url) =>
      assert.deepEqual({ ...(await read(avro(url), await written(avro(url), kitchen))) }, kitchen),
  ],
  [
    'Avro of an older schema is read in the terms of a newer one',
    async (url) => {
      const evolved = new SchemaRegistry({ url }).avro(newer, { autoRegister: true })
      const found = await read(evolved, await written(avro(url), kitchen))
      assert.deepEqual({ ...found }, { ...kitchen, room: null })
    },
  ],
  [
    'Avro that refers to another subject is written and read',
    async (url) => {
      const reference = { name: 'home.Reading', subject: 'readings-value', version: 1 }
      const pair = { type: 'record', name: 'Pair', fields: [{ name: 'first', type: 'home.Reading' }] }
      const references = [{ ...reference, schema: JSON.stringify(reading) }]
      const options = { references, autoRegister: true, subjectStrategy: 'RecordName' } as const
      const serde = () => new SchemaRegistry({ url }).avro<{ first: typeof kitchen }>(pair, options)
      const { first } = await read(serde(), await written(serde(), { first: kitchen }))
      assert.deepEqual({ ...first }, kitchen)
    },
  ],
  [
    'an id that it does not know is refused',
    (url) => assert.rejects(read(avro(url), framed(99, Buffer.of(0))), /the registry has no schema 99/),
  ],
  [
    'JSON is read back',
    async (url) => {
      const $schema = 'http://json-schema.org/draft-07/schema#'
      const schema = { $schema, title: 'Reading', type: 'object', required: ['device'] }
      const options = { autoRegister: true, subjectStrategy: 'TopicRecordName' } as const
      const serde = () => new SchemaRegistry({ url }).json<typeof kitchen>(schema, options)
      assert.deepEqual(await read(serde(), await written(serde(), kitchen)), kitchen)
    },
  ],
  [
    'Protobuf is read back',
    async (url) => {
      const format = protobuf(TimestampSchema, { proto: timestampProto })
      const options = { autoRegister: true, subjectStrategy: 'RecordName' } as const
      const serde = () => new SchemaRegistry({ url }).serde(format, options)
      const found = await read(serde(), await written(serde(), create(TimestampSchema, { nanos: 7 })))
      assert.equal(found.nanos, 7)
    },
  ],
]
