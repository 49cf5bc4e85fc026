import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from 'vitest'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { lastHeader } from '../../src/records/chunk.ts'
import { type RegistrySerdeOptions, SchemaRegistry } from '../../src/registry/index.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { RegistryServer } from '../support/registry-server.ts'
import { framed, kitchen, newer, place, read, reading, written } from '../support/registry-values.ts'

/** As Apache Avro's own library writes it: a length and its text, and eight bytes of a float. */
const kitchenBytes = Buffer.from('02610000000000803440', 'hex')

let server: RegistryServer
beforeEach(async () => {
  server = await RegistryServer.start()
})
afterEach(() => server.close())

const avro = (options?: RegistrySerdeOptions) =>
  new SchemaRegistry({ url: server.url }).avro(reading, options)

test('writes a zero, the id of the schema and what Avro says, and reads it', async () => {
  server.register('other', newer)
  const id = server.register('readings-value', reading)
  const bytes = await written(avro(), kitchen)
  expect(bytes).toEqual(framed(id, kitchenBytes))
  expect(await read(avro(), bytes)).toEqual(kitchen)
})

test('reads where the bytes lie, up to their end', async () => {
  const id = server.register('readings-value', reading)
  const serde = avro()
  const bytes = framed(id, kitchenBytes)
  await read(serde, bytes)
  const around = Buffer.concat([Buffer.from('before'), bytes, bytes])
  expect(serde.deserializeWithin?.(around, 6, 6 + bytes.length)).toEqual(kitchen)
  expect(() => serde.deserializeWithin?.(around, 6, 5 + bytes.length)).toThrow('breaks off')
  expect(() => serde.deserializeWithin?.(around, 6, 7 + bytes.length)).toThrow('1 bytes are left')
})

test('infers the values of a schema', () => {
  const registry = new SchemaRegistry({ url: server.url })
  const serde = registry.avro({
    type: 'record',
    name: 'All',
    fields: [
      { name: 'id', type: 'long' },
      { name: 'name', type: ['null', 'string'] },
      { name: 'colour', type: { type: 'enum', name: 'Colour', symbols: ['red', 'blue'] } },
      { name: 'tags', type: { type: 'array', items: 'string' } },
      { name: 'counts', type: { type: 'map', values: 'int' } },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'inner', type: reading },
    ],
  })
  expectTypeOf(serde).toEqualTypeOf<
    Serde<{
      readonly id: number
      readonly name: string | null
      readonly colour: 'red' | 'blue'
      readonly tags: readonly string[]
      readonly counts: Readonly<Record<string, number>>
      readonly at: number
      readonly inner: { readonly device: string; readonly celsius: number }
    }>
  >()
  expectTypeOf(registry.avro<{ a: 1 }>(JSON.parse(JSON.stringify(reading)))).toEqualTypeOf<Serde<{ a: 1 }>>()
})

test('reads what another schema has written in the terms of its own', async () => {
  server.register('readings-value', newer)
  const registry = new SchemaRegistry({ url: server.url })
  const bytes = await written(registry.avro(newer), { ...kitchen, room: 'kitchen' })
  expect(await read(avro(), bytes)).toEqual(kitchen)
  server.register('readings-value', reading)
  const old = await written(avro(), kitchen)
  expect(await read(registry.avro(newer), old)).toEqual({ ...kitchen, room: null })
})

test('asks for a schema once, however many readers wait for it', async () => {
  const id = server.register('readings-value', reading)
  const serde = avro()
  const bytes = framed(id, kitchenBytes)
  const column = BytesColumn.of([bytes, null, bytes])
  await Promise.all([serde.prepareRead?.(column, place), serde.prepareRead?.(column, place)])
  expect(serde.prepareRead?.(column, place)).toBeUndefined()
  expect(server.asked).toEqual([`GET /schemas/ids/${id}`])
})

test('keeps so many schemas, and those that were read last', async () => {
  const bytes = ['double', 'float', 'long'].map((type) => {
    const schema = { ...reading, fields: [reading.fields[0], { name: 'celsius', type }] }
    return framed(server.register('readings-value', schema), kitchenBytes)
  })
  const serde = new SchemaRegistry({ url: server.url, schemasMax: 2 }).avro(reading)
  const prepare = (i: number) => serde.prepareRead?.(BytesColumn.of([bytes[i] ?? null]), place)
  for (const i of [0, 1, 0, 2]) await prepare(i)
  expect(prepare(0)).toBeUndefined()
  const asked = server.asked.length
  await prepare(1)
  expect(server.asked.length).toBe(asked + 1)
})

test('ids that nobody knows push out no schema that is read, and are asked for once', async () => {
  const id = server.register('readings-value', reading)
  const serde = new SchemaRegistry({ url: server.url, schemasMax: 1 }).avro(reading)
  const bytes = framed(id, kitchenBytes)
  for (const each of [bytes, framed(98, kitchenBytes), framed(99, kitchenBytes)])
    await serde.prepareRead?.(BytesColumn.of([each]), place)
  expect(serde.prepareRead?.(BytesColumn.of([bytes, framed(99, kitchenBytes)]), place)).toBeUndefined()
  expect(() => serde.deserialize(framed(98, kitchenBytes))).toThrow('the registry has no schema 98')
})

test('an id that nobody knows, and a schema that can not be resolved, are refused with the id', async () => {
  const id = server.register('readings-value', { type: 'record', name: 'Reading', fields: [] })
  await expect(read(avro(), framed(id, Buffer.alloc(0)))).rejects.toMatchObject({
    code: 'DECODE_FAILED',
    message: expect.stringContaining(`what schema ${id} writes can't be read here`),
  })
  await expect(read(avro(), framed(99, kitchenBytes))).rejects.toMatchObject({
    code: 'DECODE_FAILED',
    message: 'not a Avro home.Reading: the registry has no schema 99: 404 Schema not found',
  })
  await expect(read(avro(), Buffer.from('no id'))).rejects.toThrow('it begins with 110')
  await expect(read(avro(), Buffer.of(0, 0))).rejects.toThrow('it has 2 bytes')
})

test('a registry without an answer rejects with what may pass, and is asked again', async () => {
  const id = server.register('readings-value', reading)
  const serde = new SchemaRegistry({ url: server.url, timeoutMs: 50 }).avro(reading)
  const unreachable = { code: 'REGISTRY_UNREACHABLE', retryable: true }
  for (const failing of ['never', [503, ''], [429, { error_code: 429 }], [404, '<html>']] as const) {
    server.failing = failing
    await expect(read(serde, framed(id, kitchenBytes))).rejects.toMatchObject(unreachable)
    await expect(written(serde, kitchen)).rejects.toMatchObject(unreachable)
  }
  server.failing = undefined
  expect(await read(serde, framed(id, kitchenBytes))).toEqual(kitchen)
})

test.each([
  [401, 'does not take the login'],
  [403, 'does not permit this login'],
])(
  'a login that is answered with %s ends the program, with the registry and the subject',
  async (status, why) => {
    const message = 'User cannot access the resource'
    server.failing = [status, { error_code: status, message }]
    const auth = { username: 'ann', password: 'hunter2' }
    const serde = new SchemaRegistry({ url: server.url, auth }).avro(reading)
    const refused = {
      code: 'REGISTRY_REJECTED',
      retryable: false,
      message: `The schema registry ${server.url} ${why}: asked for a schema of "readings-value", it answers with ${status} ${message}`,
    }
    await expect(written(serde, kitchen)).rejects.toMatchObject(refused)
    const rig = await KafkaRig.start()
    try {
      const bytes = topic('readings', { key: serdes.string, value: serdes.bytes })
      await rig.produce(bytes, [{ key: 'a', value: framed(1, kitchenBytes), timestampMs: 1 }])
      const app = topology('reading', ({ stream }) => {
        stream(topic('readings', { key: serdes.string, value: serde })).peek(() => undefined)
      })
      await expect(rig.run(app).done).rejects.toMatchObject(refused)
    } finally {
      await rig.close()
    }
  },
)

test('an answer that does not end is no schema', async () => {
  server.failing = [200, 'x'.repeat(16_000_001)]
  await expect(written(avro(), kitchen)).rejects.toThrow('its answer is longer than 16000000 characters')
})

test('registers a schema only when it is told to', async () => {
  await expect(written(avro(), kitchen)).rejects.toMatchObject({
    code: 'ENCODE_FAILED',
    message: expect.stringContaining('no such schema of "readings-value"'),
  })
  const bytes = await written(avro({ autoRegister: true }), kitchen)
  expect(await read(avro(), bytes)).toEqual(kitchen)
})

test.each([
  ['TopicName', 'readings-value'],
  ['RecordName', 'home.Reading'],
  ['TopicRecordName', 'readings-home.Reading'],
] as const)('has a schema by %s under %s', async (subjectStrategy, subject) => {
  await written(avro({ subjectStrategy, autoRegister: true }), kitchen)
  expect(server.asked).toEqual([`POST /subjects/${subject}/versions?normalize=true`])
})

test('a value that does not fit is refused, and named', async () => {
  server.register('readings-value', reading)
  await expect(written(avro(), { device: 'a' } as never)).rejects.toMatchObject({ code: 'ENCODE_FAILED' })
})

test('reads and writes a schema that refers to others', async () => {
  server.register('readings-value', reading)
  const reference = { name: 'home.Reading', subject: 'readings-value', version: 1 }
  const pair = { type: 'record', name: 'home.Pair', fields: [{ name: 'first', type: 'home.Reading' }] }
  const references = [{ ...reference, schema: JSON.stringify(reading) }]
  const serde = new SchemaRegistry({ url: server.url }).avro<{ first: typeof kitchen }>(pair, {
    references,
    autoRegister: true,
  })
  const bytes = await written(serde, { first: kitchen })
  expect(await read(serde, bytes)).toEqual({ first: kitchen })
  expect(server.asked).toContain('GET /subjects/readings-value/versions/1')
})

test('shows who asks: nobody, a user, or whoever has the token of now', async () => {
  const askWith = (auth: object) => new SchemaRegistry({ url: server.url, ...auth }).avro(reading)
  let token = 0
  for (const auth of [
    {},
    { auth: { username: 'ann', password: 'pw' } },
    { auth: { token: async () => `t${++token}` } },
  ])
    await expect(read(askWith(auth), framed(9, kitchenBytes))).rejects.toThrow('no schema 9')
  expect(server.authorizations).toEqual([undefined, 'Basic YW5uOnB3', 'Bearer t1'])
})

test('a topic of the embedded broker goes through a registry that comes back, and by what it does not know', async () => {
  const rig = await KafkaRig.start()
  try {
    const id = server.register('readings-value', reading)
    server.register('warm-value', reading)
    const bytes = topic('readings', { key: serdes.string, value: serdes.bytes })
    await rig.produce(bytes, [
      { key: 'a', value: framed(id, kitchenBytes), timestampMs: 1 },
      { key: 'a', value: framed(77, kitchenBytes), timestampMs: 2 },
      { key: 'a', value: framed(id, kitchenBytes), timestampMs: 3 },
    ])
    const warm = topic('warm', { key: serdes.string, value: avro() })
    const app = topology('warm', ({ stream }) => {
      stream(topic('readings', { key: serdes.string, value: avro() }))
        .mapValues(({ device, celsius }) => ({ device, celsius: celsius + 1 }))
        .to(warm)
    })
    server.failing = [503, '']
    const running = rig.run(app)
    await vi.waitFor(() => expect(server.asked.length).toBeGreaterThan(2), { timeout: 20_000 })
    server.failing = undefined
    await rig.workedOff([running], ['readings'])
    const values = (await rig.read(topic('warm', { key: serdes.string, value: serdes.bytes }))).map(
      ({ value }) => value,
    )
    expect(await Promise.all(values.map((each) => read(avro(), each as Buffer)))).toEqual(
      Array(2).fill({ device: 'a', celsius: 21.5 }),
    )
    const [letter] = await rig.read(
      topic('readings-dead-letters', { key: serdes.bytes, value: serdes.bytes }),
    )
    expect(String(lastHeader(letter?.headers, 'reason'))).toContain('the registry has no schema 77')
  } finally {
    await rig.close()
  }
})
