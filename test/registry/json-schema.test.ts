import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RegistrySerdeOptions, SchemaRegistry } from '../../src/registry/index.ts'
import { serdeContract } from '../../src/testing/index.ts'
import { RegistryServer } from '../support/registry-server.ts'
import { framed, read, written } from '../support/registry-values.ts'

interface Reading {
  readonly device: string
  readonly celsius: number
}

const reading = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Reading',
  type: 'object',
  properties: { device: { type: 'string' }, celsius: { type: 'number', 'connect.type': 'float64' } },
  required: ['device', 'celsius'],
}
const kitchen: Reading = { device: 'a', celsius: 20.5 }

let server: RegistryServer
beforeEach(async () => {
  server = await RegistryServer.start()
})
afterEach(() => server.close())

const json = (options?: RegistrySerdeOptions, schema: object = reading) =>
  new SchemaRegistry({ url: server.url }).json<Reading>(schema, options)
const register = (schema: object) =>
  server.register('readings-value', { schemaType: 'JSON', schema: JSON.stringify(schema) })

test('writes a zero, the id of the schema and the JSON, and reads it', async () => {
  const id = register(reading)
  const bytes = await written(json(), kitchen)
  expect(bytes).toEqual(framed(id, Buffer.from('{"device":"a","celsius":20.5}')))
  expect(await read(json(), bytes)).toEqual(kitchen)
})

test('refuses what the schema does, when it is read and when it is written, and says where', async () => {
  const id = register(reading)
  const wrong = { device: 'a', celsius: 'warm' }
  await expect(read(json(), framed(id, Buffer.from(JSON.stringify(wrong))))).rejects.toMatchObject({
    code: 'DECODE_FAILED',
    message: `not a JSON Reading of schema ${id}: /celsius must be number`,
  })
  await expect(written(json(), wrong as never)).rejects.toMatchObject({
    code: 'ENCODE_FAILED',
    message: expect.stringContaining('/celsius must be number'),
  })
  await expect(read(json(), framed(id, Buffer.from('{')))).rejects.toMatchObject({ code: 'DECODE_FAILED' })
})

test('reads by its own schema what another one has written, and nothing of another language', async () => {
  const id = register({ ...reading, required: [] })
  await expect(read(json(), framed(id, Buffer.from('{"device":"a"}')))).rejects.toThrow("'celsius'")
  const avro = server.register('other', { type: 'string' })
  await expect(read(json(), framed(avro, Buffer.from('{}')))).rejects.toThrow('it is AVRO, not JSON')
})

test('knows the drafts of 2020 and of before, and schemas that refer to others', async () => {
  const strings = { $id: 'strings.json', type: 'string', minLength: 1 }
  const reference = { name: 'strings.json', subject: 'strings', version: 1 }
  server.register('strings', { schemaType: 'JSON', schema: JSON.stringify(strings) })
  const newer = {
    ...reading,
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: { ...reading.properties, device: { $ref: 'strings.json' } },
  }
  const serde = json(
    { references: [{ ...reference, schema: JSON.stringify(strings) }], autoRegister: true },
    newer,
  )
  expect(await read(serde, await written(serde, kitchen))).toEqual(kitchen)
  await expect(written(serde, { ...kitchen, device: '' })).rejects.toThrow('/device')
})

test('a schema that is none is refused at once', () => {
  expect(() => json({}, { type: 'nothing' })).toThrow("the JSON schema can't be used")
})

test('keeps what a serde promises', async () => {
  const checks = serdeContract(json({ autoRegister: true }), {
    values: [kitchen, { device: '', celsius: -1 }],
    wrongBytes: [Buffer.of(0, 0, 0, 0, 99), Buffer.from('garbage')],
    wrongValues: [{ device: 'a' } as Reading],
  })
  for (const { run } of checks) await run()
})
