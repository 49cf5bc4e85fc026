import { expect, test } from 'vitest'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { changeSerde } from '../../src/serdes/change-serde.ts'
import { decodeChunk, prepareChunk } from '../../src/serdes/decode-chunk.ts'
import { responseSerde, subscriptionSerde } from '../../src/serdes/foreign-key-serdes.ts'
import type { Serde, SerdeContext, SerdePlace } from '../../src/serdes/serde.ts'
import { nonNull, nullable, serdes } from '../../src/serdes/serdes.ts'
import { windowedSerde } from '../../src/windows/windowed-serde.ts'

/** Says what it was told. */
function listening() {
  const heard: string[] = []
  const hear = (what: string, { topic, part }: SerdePlace, ...more: readonly (Buffer | string)[]) =>
    heard.push([what, topic, part, ...more].join(' '))
  const headersOf = ({ headers = [] }: SerdeContext) => headers.map(([name]) => name)
  const serde: Serde<string> = {
    name: 'listening',
    serialize(value, context) {
      if (context) hear(`write ${value}`, context, ...headersOf(context))
      return Buffer.from(value)
    },
    deserialize(bytes, context) {
      if (context) hear(`read ${bytes}`, context, ...headersOf(context))
      return String(bytes)
    },
    prepareRead(bytes, place) {
      hear('prepare reading', place, ...[...bytes].filter((each) => each !== null))
      return undefined
    },
    prepareWrite(place) {
      hear('prepare writing', place)
      return undefined
    },
  }
  return { serde, heard }
}

const context: SerdeContext = { topic: 't', part: 'value', headers: [['h', Buffer.of(1)]] }

test.each<[string, <V>(serde: Serde<string>) => Serde<V>, unknown]>([
  ['nullable', (serde) => nullable(serde) as never, 'x'],
  ['non-null', (serde) => nonNull(serde) as never, 'x'],
  ['windowed', (serde) => windowedSerde(serde) as never, { key: 'x', startMs: 1, endMs: 2 }],
  ['change', (serde) => changeSerde(serde) as never, { oldValue: null, newValue: 'x' }],
  [
    'subscription',
    (serde) => subscriptionSerde(serde) as never,
    { instruction: 'answer', key: 'x', hash: Buffer.of(7), partition: 3 },
  ],
  ['response', (serde) => responseSerde(serde) as never, { hash: Buffer.of(7), value: 'x', partition: 3 }],
])('a %s serde hands the place on, and prepares the bytes of the serde inside', (_, wrap, value) => {
  const { serde, heard } = listening()
  const outer = wrap<unknown>(serde)
  const bytes = outer.serialize(value, context)
  expect(outer.deserialize(bytes, context)).toEqual(value)
  outer.prepareRead?.(BytesColumn.of([bytes, null]), context)
  outer.prepareWrite?.(context)
  expect(heard).toEqual([
    'write x t value h',
    'read x t value h',
    'prepare reading t value x',
    'prepare writing t value',
  ])
  const plain = wrap<unknown>(serdes.string)
  expect([plain.prepareRead, plain.prepareWrite]).toEqual([undefined, undefined])
})

test('bytes that are no composed value need no preparation: the reading tells', () => {
  const { serde, heard } = listening()
  const garbage = BytesColumn.of([Buffer.of(9, 9, 9)])
  for (const outer of [windowedSerde(serde), changeSerde(serde), responseSerde(serde)])
    expect(outer.prepareRead?.(garbage, context)).toBeUndefined()
  expect(heard).toEqual(Array(3).fill('prepare reading t value'))
})

test('a chunk is decoded with its topic, the part, and the headers of each record', () => {
  const { serde, heard } = listening()
  const raw = {
    topic: 'orders',
    partition: 0,
    keys: BytesColumn.of([Buffer.from('k1'), Buffer.from('k2')]),
    values: BytesColumn.of([Buffer.from('v1'), Buffer.from('v2')]),
    timestampsMs: [1, 2],
    offsets: [0, 1],
    headers: [[['a', Buffer.of(1)] as const], undefined],
  }
  decodeChunk(raw, { key: serde, value: serde, tombstones: false })
  expect(heard).toEqual([
    'read k1 orders key a',
    'read v1 orders value a',
    'read k2 orders key',
    'read v2 orders value',
  ])
})

test('a chunk is prepared once for each part, and by nothing where nothing is missing', async () => {
  const raw = {
    topic: 'orders',
    partition: 0,
    keys: BytesColumn.of([Buffer.from('k')]),
    values: BytesColumn.of([null]),
    timestampsMs: [1],
    offsets: [0],
  }
  const { serde, heard } = listening()
  expect(prepareChunk(raw, { key: serde, value: serde, tombstones: false })).toBeUndefined()
  expect(heard).toEqual(['prepare reading orders key k', 'prepare reading orders value'])
  const away: Serde<string> = { ...serde, prepareRead: () => Promise.reject(new Error('registry away')) }
  await expect(prepareChunk(raw, { key: away, value: serde, tombstones: false })).rejects.toThrow('away')
  await expect(prepareChunk(raw, { key: serde, value: away, tombstones: false })).rejects.toThrow('away')
  const there: Serde<string> = { ...serde, prepareRead: async () => {} }
  await expect(prepareChunk(raw, { key: there, value: away, tombstones: false })).rejects.toThrow('away')
})
