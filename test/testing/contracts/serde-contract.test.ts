import { describe, expect, test } from 'vitest'
import { RivuletError } from '../../../src/errors.ts'
import type { Serde } from '../../../src/serdes/serde.ts'
import { nullable, serdes } from '../../../src/serdes/serdes.ts'
import { shape } from '../../../src/serdes/shape.ts'
import { type SerdeContractOptions, serdeContract } from '../../../src/testing/contracts/serde-contract.ts'
import { FakeRegistry, registrySerde, withSchema } from '../../support/fake-registry.ts'
import { namesOfRed, testAll } from './checks.ts'

const noUtf8 = Buffer.from([0xff])
const oneByte = Buffer.from([1])

describe('the contract of a serde is kept by', () => {
  describe('string, which', () =>
    testAll(
      serdeContract(serdes.string, {
        values: ['', 'a', 'ä€😀', '\u0000', 'null'],
        wrongBytes: [noUtf8],
        texts: { 'ann ': 'ann ' },
      }),
    ))

  describe('long, which', () =>
    testAll(
      serdeContract(serdes.long, {
        values: [0, 1, -1, 2 ** 40, Number.MIN_SAFE_INTEGER],
        wrongBytes: [oneByte, Buffer.alloc(8, 0x7f)],
        wrongValues: [0.5, 2 ** 53],
        texts: { '-7': -7 },
        wrongTexts: ['', '1.5', 'seven'],
      }),
    ))

  describe('bigint, which', () =>
    testAll(
      serdeContract(serdes.bigint, {
        values: [0n, -1n, 2n ** 63n - 1n],
        wrongBytes: [oneByte],
        wrongValues: [2n ** 63n],
        texts: { '-7': -7n },
        wrongTexts: ['7n'],
      }),
    ))

  describe('int32, which', () =>
    testAll(
      serdeContract(serdes.int32, {
        values: [0, -1, 2 ** 31 - 1],
        wrongBytes: [oneByte],
        wrongValues: [2 ** 31, 0.5],
        texts: { '7': 7 },
        wrongTexts: ['2147483648'],
      }),
    ))

  describe('double, which', () =>
    testAll(
      serdeContract(serdes.double, {
        values: [0, -0.5, 1e300, Number.POSITIVE_INFINITY],
        wrongBytes: [oneByte],
        texts: { '0.5': 0.5 },
        wrongTexts: ['', 'half'],
      }),
    ))

  describe('date, which', () =>
    testAll(
      serdeContract(serdes.date, {
        values: [new Date(0), new Date(-1), new Date(8.64e15)],
        wrongBytes: [oneByte, Buffer.alloc(8, 0x7f)],
        wrongValues: [new Date(Number.NaN)],
        texts: { '1970-01-01T00:00:01Z': new Date(1_000), '1000': new Date(1_000) },
        wrongTexts: ['yesterday'],
      }),
    ))

  describe('uuid, which', () =>
    testAll(
      serdeContract(serdes.uuid, {
        values: ['00000000-0000-4000-8000-000000000000', 'f0000000-0000-4000-8000-00000000000f'],
        wrongBytes: [oneByte],
        wrongValues: ['f0'],
        texts: {
          'F0000000-0000-4000-8000-00000000000F': 'f0000000-0000-4000-8000-00000000000f',
        },
        wrongTexts: ['f0'],
      }),
    ))

  describe('bytes, which', () =>
    testAll(serdeContract(serdes.bytes, { values: [Buffer.alloc(0), oneByte, noUtf8] })))

  describe('json, which', () =>
    testAll(
      serdeContract(serdes.json<unknown>(), {
        values: [{ a: 1 }, [1, 'ä'], 'text', 0, false, {}],
        wrongBytes: [Buffer.from('{'), Buffer.alloc(0), noUtf8],
        wrongValues: [undefined, 1n],
        texts: { ann: 'ann', '{"a":1}': { a: 1 } },
      }),
    ))

  describe('shape, which', () =>
    testAll(
      serdeContract(shape({ name: 'string', amount: 'number', side: ['left', 'right'] }), {
        values: [
          { name: 'a', amount: 1, side: 'left' },
          { name: '"ä\n', amount: -0.5, side: 'right' },
        ],
        wrongBytes: ['{', '{}', '{"name":"a","amount":1,"side":"up"}'].map((text) => Buffer.from(text)),
        wrongValues: [{ name: 'a', amount: Number.NaN, side: 'left' }],
      }),
    ))

  describe('one that takes null, which', () =>
    testAll(serdeContract(nullable(serdes.string), { values: ['a', null], wrongBytes: [noUtf8] })))

  describe('one that asks a registry, which', () =>
    testAll(
      serdeContract(registrySerde(new FakeRegistry()), {
        values: ['a', 'b'],
        wrongBytes: [withSchema(7, 'nobody knows this schema')],
      }),
    ))
})

const alike = { values: ['a', 'b', 'cd'], wrongBytes: [Buffer.from('?')] }
const full: Serde<string> & Required<Pick<Serde<string>, 'deserializeWithin'>> = {
  name: 'full',
  serialize(value) {
    if (!/^[a-z]+$/.test(value)) throw new RivuletError('ENCODE_FAILED', 'no word')
    return Buffer.from(value)
  },
  deserialize: (bytes) => wordOf(bytes.toString()),
  deserializeWithin: (bytes, from, to) => wordOf(bytes.toString('utf8', from, to)),
  prepareRead: () => undefined,
  prepareWrite: () => undefined,
  fromText: (text) => wordOf(text.toLowerCase()),
}

function wordOf(text: string): string {
  if (!/^[a-z]+$/.test(text)) throw new RivuletError('DECODE_FAILED', 'no word')
  return text
}

const known: SerdeContractOptions<string> = {
  ...alike,
  wrongValues: ['?'],
  texts: { A: 'a' },
  wrongTexts: ['?'],
}

/** What each of them does wrong beside what `full` does right. */
const broken: Readonly<Record<string, Partial<Serde<string>>>> = {
  'reads what it has written, and leaves the bytes as they are': {
    deserialize: (bytes) => full.deserialize(bytes.reverse()),
    serialize: (value) => Buffer.from(full.serialize(value)).reverse(),
  },
  'has one text or one form of bytes for equal values, and others for others': {
    mapKey: (value) => String(value.length),
  },
  'refuses bytes that are no value': { deserialize: (bytes) => bytes.toString() },
  'refuses values that have no bytes': { serialize: (value) => Buffer.from(value) },
  'reads the same from within other bytes': { deserializeWithin: (bytes) => full.deserialize(bytes) },
  'takes a text for the value that a person means': { fromText: wordOf },
  'refuses texts that mean no value': { fromText: (text) => text.toLowerCase() },
  'prepares for whatever comes, and is prepared then': {
    prepareRead(bytes) {
      for (const each of bytes) (each as Buffer).readUInt8(0) // null, or empty
      return undefined
    },
  },
  'prepares once for a topic that is written to': { prepareWrite: async () => {} },
}

describe('the contract of a serde', () => {
  test('is kept by one that has every part', async () => {
    expect(await namesOfRed(serdeContract(full, known))).toEqual([])
  })

  test('has a broken serde for each of its sentences but the one on null', () => {
    expect(serdeContract(full, known).map(({ name }) => name)).toEqual(Object.keys(broken))
  })

  test.each(Object.entries(broken))('tells of a serde that breaks: "%s"', async (name, flaw) => {
    expect(await namesOfRed(serdeContract({ ...full, ...flaw }, known))).toContain(name)
  })

  test('tells of one that reads other values than it has written', async () => {
    const flaw: Serde<string> = { ...full, deserialize: (bytes) => `${full.deserialize(bytes)}!` }
    expect(await namesOfRed(serdeContract(flaw, alike))).toContain(
      'reads what it has written, and leaves the bytes as they are',
    )
  })

  test('tells of one that is never prepared for reading', async () => {
    const flaw: Serde<string> = { ...full, prepareRead: async () => {} }
    expect(await namesOfRed(serdeContract(flaw, alike))).toEqual([
      'prepares for whatever comes, and is prepared then',
    ])
  })

  test('tells of one that writes null as bytes', async () => {
    const flaw: Serde<string | null> = { ...serdes.json(), nullable: true }
    expect(await namesOfRed(serdeContract(flaw, { values: ['a', null] }))).toEqual([
      'writes no bytes for null',
    ])
  })

  test('tells of one that refuses with an error of another kind', async () => {
    const flaw: Serde<string> = {
      ...full,
      deserialize(bytes) {
        if (bytes.equals(Buffer.from('?'))) throw new TypeError('what is this?')
        return full.deserialize(bytes)
      },
    }
    expect(await namesOfRed(serdeContract(flaw, alike))).toEqual(['refuses bytes that are no value'])
  })
})
