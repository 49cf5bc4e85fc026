import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { shape } from '../../src/serdes/shape.ts'

const tick = shape({ symbol: 'string', price: 'number', side: ['buy', 'sell'] })
const text = '{"symbol":"BTC","price":100.25,"side":"buy"}'

function outcome(decode: () => unknown): unknown {
  try {
    return { value: decode() }
  } catch (error) {
    return { error: String(error) }
  }
}

test.each<[string, Serde<unknown>]>([
  ['string', serdes.string],
  ['shape', tick],
])('%s reads bytes within a larger buffer as it reads them alone, whatever stands around', (_, serde) => {
  const bytes = fc.oneof(
    fc.constant(Buffer.from(text)),
    fc
      .constantFrom('"', '}', '12', '{"symbol":"é\\n","price":-0.5,"side":"sell"}')
      .map((of) => Buffer.from(of)),
    fc.nat(text.length).map((length) => Buffer.from(text.slice(0, length))),
    fc.uint8Array({ maxLength: 20 }).map((of) => Buffer.from(of)),
  )
  fc.assert(
    fc.property(bytes, bytes, bytes, (before, of, after) => {
      const larger = Buffer.concat([before, of, after])
      const within = () => serde.deserializeWithin?.(larger, before.length, before.length + of.length)
      expect(outcome(within)).toEqual(outcome(() => serde.deserialize(of)))
    }),
    { numRuns: 2_000 },
  )
})
