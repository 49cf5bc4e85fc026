import { create, type Message, toBinary } from '@bufbuild/protobuf'
import { fileDesc, type GenMessage, messageDesc } from '@bufbuild/protobuf/codegenv2'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { SchemaRegistry } from '../../../src/registry/index.ts'
import { protobuf } from '../../../src/registry/protobuf/index.ts'
import type { Serde } from '../../../src/serdes/serde.ts'
import { RegistryServer } from '../../support/registry-server.ts'
import { framed, read, written } from '../../support/registry-values.ts'

const proto = `syntax = "proto3";
package home;
// message Commented {}
enum Colour { NONE = 0; }
message Other { string text = 1; }
message Reading {
  oneof where { string device = 1; }
  double celsius = 2;
  message Room { string name = 1; }
}
`

type Reading = Message<'home.Reading'> & { device: string; celsius: number }
type Room = Message<'home.Reading.Room'> & { name: string }

/** As `protoc-gen-es` generates them. */
const field = (name: string, number: number, type: number) => ({
  name,
  jsonName: name,
  number,
  type,
  label: 1,
})
const file = fileDesc(
  Buffer.from(
    toBinary(
      FileDescriptorProtoSchema,
      create(FileDescriptorProtoSchema, {
        name: 'home.proto',
        package: 'home',
        syntax: 'proto3',
        messageType: [
          { name: 'Other', field: [field('text', 1, 9)] },
          {
            name: 'Reading',
            field: [field('device', 1, 9), field('celsius', 2, 1)],
            nestedType: [{ name: 'Room', field: [field('name', 1, 9)] }],
          },
        ],
      }),
    ),
  ).toString('base64'),
)
const ReadingSchema: GenMessage<Reading> = messageDesc(file, 1)
const RoomSchema: GenMessage<Room> = messageDesc(file, 1, 0)
const kitchen = create(ReadingSchema, { device: 'a', celsius: 20.5 })
/** Two fields by their numbers, as Protobuf has them. */
const kitchenBytes = Buffer.from('0a0161110000000000803440', 'hex')

let server: RegistryServer
beforeEach(async () => {
  server = await RegistryServer.start()
})
afterEach(() => server.close())

const readings = () => new SchemaRegistry({ url: server.url }).serde(protobuf(ReadingSchema, { proto }))
const register = (schema = proto) => server.register('readings-value', { schemaType: 'PROTOBUF', schema })

test('writes the id, the place of the message in its file and what Protobuf says, and reads it', async () => {
  const id = register()
  const bytes = await written(readings(), kitchen)
  expect(bytes).toEqual(framed(id, Buffer.concat([Buffer.of(2, 2), kitchenBytes])))
  expect(await read(readings(), bytes)).toEqual(kitchen)
})

test('infers the messages of a schema', () => {
  expectTypeOf(readings()).toEqualTypeOf<Serde<Reading>>()
})

test('has messages within messages', async () => {
  const id = register()
  const serde = new SchemaRegistry({ url: server.url }).serde(protobuf(RoomSchema, { proto }))
  const bytes = await written(serde, create(RoomSchema, { name: 'b' }))
  expect(bytes).toEqual(framed(id, Buffer.from('0402000a0162', 'hex')))
  expect(await read(serde, bytes)).toMatchObject({ name: 'b' })
})

test('reads a message of the same name wherever it stands in the file of who wrote it', async () => {
  const id = register(
    'package home; message Reading { string device = 1; double celsius = 2; int32 more = 3; }',
  )
  const bytes = framed(id, Buffer.concat([Buffer.of(0), kitchenBytes, Buffer.of(0x18, 7)]))
  expect(await read(readings(), bytes)).toMatchObject({ device: 'a', celsius: 20.5 })
})

test('refuses other messages, and bytes that break off', async () => {
  const id = register()
  const refusal = (body: string) => expect(read(readings(), framed(id, Buffer.from(body, 'hex')))).rejects
  await refusal('00').toMatchObject({
    code: 'DECODE_FAILED',
    message: `not a Protobuf home.Reading of schema ${id}: it is home.Other, not home.Reading`,
  })
  await refusal('0212').toThrow('it is no message of its file')
  await refusal('').toThrow("it breaks off in the message's indexes")
  await refusal('ffffffffff01').toThrow('is too long')
  await refusal('fe01').toThrow('lies 127 deep')
  await refusal('02020a05').toMatchObject({ code: 'DECODE_FAILED' })
})
