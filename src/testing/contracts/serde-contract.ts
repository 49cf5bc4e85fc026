import { AssertionError } from 'node:assert/strict'
import { inspect } from 'node:util'
import { RivuletError } from '../../errors.ts'
import { BytesColumn } from '../../records/bytes-column.ts'
import type { Serde, SerdeContext } from '../../serdes/serde.ts'
import { valueFromText } from '../../serdes/serdes.ts'
import { type ContractCheck, expectSame } from './contract-check.ts'

/** What is known of a serde's values: the more is said, the more is checked. */
export interface SerdeContractOptions<T> {
  /** What it can write; the more different, the better. */
  readonly values: readonly T[]
  /** Bytes that are no value. */
  readonly wrongBytes?: readonly Buffer[]
  /** What it must refuse to write, for it would not be the same when it is read. */
  readonly wrongValues?: readonly T[]
  /** What a person writes for a value. */
  readonly texts?: Readonly<Record<string, T>>
  /** Texts that mean no value. */
  readonly wrongTexts?: readonly string[]
}

const places = (['key', 'value'] as const).map((part) => ({ topic: 'contract', part }))

/**
 * What a serde promises: one check for each sentence of `Serde` that the serde, and what is known of its values, allow.
 *
 * @example
 * ```ts
 * const checks = serdeContract(serdes.long, { values: [0, -1, 2 ** 40], wrongBytes: [Buffer.from([1])] })
 * for (const { name, run } of checks) test(name, run)
 * ```
 */
export function serdeContract<T>(serde: Serde<T>, options: SerdeContractOptions<T>): ContractCheck[] {
  const { wrongBytes = [], wrongValues = [], wrongTexts = [], texts = {} } = options
  // Null stands outside of the bytes, whether it is a value or not.
  const values = options.values.filter((value) => value !== null)
  const checks: ContractCheck[] = [
    {
      name: 'reads what it has written, and leaves the bytes as they are',
      run: () => roundTrip(serde, values),
    },
    {
      name: 'has one text or one form of bytes for equal values, and others for others',
      run: () => tellsApart(serde, values),
    },
  ]
  const add = (holds: boolean, name: string, run: () => Promise<void>) => {
    if (holds) checks.push({ name, run })
  }
  add(serde.nullable === true, 'writes no bytes for null', async () => {
    // The type of a nullable serde includes it.
    expectRefused('null', 'ENCODE_FAILED', () => serde.serialize(null as T))
  })
  add(wrongBytes.length > 0, 'refuses bytes that are no value', () => refusesBytes(serde, wrongBytes))
  add(wrongValues.length > 0, 'refuses values that have no bytes', async () => {
    for (const value of wrongValues)
      expectRefused(inspect(value), 'ENCODE_FAILED', () => serde.serialize(value, contextOf('value')))
  })
  add(serde.deserializeWithin !== undefined, 'reads the same from within other bytes', () =>
    readsWithin(serde, values, wrongBytes),
  )
  add(Object.keys(texts).length > 0, 'takes a text for the value that a person means', async () => {
    for (const [text, value] of Object.entries(texts)) expectSame(text, valueFromText(serde, text), value)
  })
  add(wrongTexts.length > 0, 'refuses texts that mean no value', async () => {
    for (const text of wrongTexts) expectRefused(text, 'DECODE_FAILED', () => valueFromText(serde, text))
  })
  add(serde.prepareRead !== undefined, 'prepares for whatever comes, and is prepared then', () =>
    preparesReading(serde, values, wrongBytes),
  )
  add(serde.prepareWrite !== undefined, 'prepares once for a topic that is written to', () =>
    preparesWriting(serde),
  )
  return checks
}

function contextOf(part: SerdeContext['part']): SerdeContext {
  return { topic: 'contract', part, headers: undefined }
}

/** The values' bytes, at the place and prepared as the runtime does it. */
async function written<T>(
  serde: Serde<T>,
  values: readonly T[],
  part: SerdeContext['part'] = 'value',
): Promise<Buffer[]> {
  const place = { topic: 'contract', part }
  await serde.prepareWrite?.(place)
  const bytes = values.map((value) => serde.serialize(value, contextOf(part)))
  await serde.prepareRead?.(BytesColumn.of(bytes), place)
  return bytes
}

async function roundTrip<T>(serde: Serde<T>, values: readonly T[]): Promise<void> {
  for (const { part } of places) {
    for (const [i, bytes] of (await written(serde, values, part)).entries()) {
      const copy = Buffer.from(bytes)
      expectSame('what is read', serde.deserialize(bytes, contextOf(part)), values[i])
      expectSame('the bytes after reading', bytes.equals(copy), true)
    }
  }
}

/** As a store does that looks for a key: without a place. */
async function tellsApart<T>(serde: Serde<T>, values: readonly T[]): Promise<void> {
  const bytes = await written(serde, values)
  const mapKey = (value: T) => serde.mapKey?.(value) ?? serde.serialize(value).toString('latin1')
  for (const [i, a] of values.entries()) {
    for (const [j, theirs] of bytes.entries()) {
      const b = serde.deserialize(theirs, contextOf('value'))
      const equal = bytes[i]?.equals(theirs)
      expectSame(
        `that ${inspect(a)} and ${inspect(values[j])} are told to be equal`,
        mapKey(a) === mapKey(b),
        equal,
      )
    }
  }
}

async function refusesBytes<T>(serde: Serde<T>, wrongBytes: readonly Buffer[]): Promise<void> {
  await serde.prepareRead?.(BytesColumn.of(wrongBytes), { topic: 'contract', part: 'value' })
  for (const bytes of wrongBytes)
    expectRefused(inspect(bytes), 'DECODE_FAILED', () => serde.deserialize(bytes, contextOf('value')))
}

async function readsWithin<T>(
  serde: Serde<T>,
  values: readonly T[],
  wrongBytes: readonly Buffer[],
): Promise<void> {
  const around = Buffer.from('"0}')
  const within = (bytes: Buffer) => {
    const whole = Buffer.concat([around, bytes, around])
    return serde.deserializeWithin?.(whole, around.length, around.length + bytes.length, contextOf('value'))
  }
  for (const [i, bytes] of (await written(serde, values)).entries())
    expectSame('what is read from within', within(bytes), values[i])
  await serde.prepareRead?.(BytesColumn.of(wrongBytes), { topic: 'contract', part: 'value' })
  for (const bytes of wrongBytes) expectRefused(inspect(bytes), 'DECODE_FAILED', () => within(bytes))
}

async function preparesReading<T>(
  serde: Serde<T>,
  values: readonly T[],
  wrongBytes: readonly Buffer[],
): Promise<void> {
  const right = await written(serde, values)
  // A chunk has them side by side, with nulls among them.
  const column = BytesColumn.of([null, ...wrongBytes, ...right, Buffer.alloc(0)])
  for (const place of places) {
    await serde.prepareRead?.(column, place)
    const ready = serde.prepareRead?.(BytesColumn.of([null, ...right]), place)
    expectSame('prepareRead() of what it has prepared for', ready, undefined)
  }
}

async function preparesWriting<T>(serde: Serde<T>): Promise<void> {
  for (const place of places) {
    await serde.prepareWrite?.(place)
    expectSame('prepareWrite() of what it has prepared for', serde.prepareWrite?.(place), undefined)
  }
}

function expectRefused(what: string, code: 'DECODE_FAILED' | 'ENCODE_FAILED', work: () => unknown): void {
  let answer: unknown
  try {
    answer = work()
  } catch (error) {
    if (error instanceof RivuletError && error.code === code) return
    throw new AssertionError({ message: `${what} is refused with ${inspect(error)}, not with ${code}` })
  }
  throw new AssertionError({ message: `${what} is not refused with ${code}, but becomes ${inspect(answer)}` })
}
