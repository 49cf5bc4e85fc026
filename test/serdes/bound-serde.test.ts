import { expect, test } from 'vitest'
import { boundTo, Unprepared, unbound } from '../../src/serdes/bound-serde.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { FakeRegistry, registrySerde, withSchema } from '../support/fake-registry.ts'

const place = { topic: 'app-rows-changelog', part: 'value' } as const

function unprepared(read: () => unknown): Unprepared {
  try {
    read()
  } catch (error) {
    if (error instanceof Unprepared) return error
    throw error
  }
  throw new Error('it was read')
}

test('a bound serde reads and writes with its place, and compares without one', async () => {
  const registry = new FakeRegistry()
  const serde = registrySerde(registry)
  const bound = boundTo(serde, place)
  await serde.prepareWrite?.(place)
  const [id, other] = [registry.add('app-rows-changelog-value'), registry.add('other')]
  expect(bound.serialize('x')).toEqual(withSchema(id, 'x'))
  expect(bound.mapKey?.('x')).toBe('x')
  const { prepare } = unprepared(() => bound.deserialize(withSchema(other, 'y')))
  await prepare()
  expect(bound.deserialize(withSchema(other, 'y'))).toBe('y')
  expect(registry.asked).toEqual(['register app-rows-changelog-value', `schema ${other}`])
  expect(unbound(serde, 'value')).toBe(serde)
})

test('what failed is asked for again', async () => {
  const registry = new FakeRegistry()
  const bytes = withSchema(registry.add('a'), 'x')
  const bound = boundTo(registrySerde(registry), place)
  registry.isAway = true
  const { prepare } = unprepared(() => bound.deserialize(bytes))
  await expect(prepare()).rejects.toThrow('away')
  registry.isAway = false
  await prepare()
  expect(bound.deserialize(bytes)).toBe('x')
})

test('a serde that answers with a promise each time is read all the same', async () => {
  const always: Serde<string> = { ...serdes.string, prepareRead: async () => {} }
  const bound = boundTo(always, place)
  for (const text of Array.from({ length: 200 }, (_, i) => `text ${i}`)) {
    const bytes = Buffer.from(text)
    await unprepared(() => bound.deserialize(bytes)).prepare()
    expect(bound.deserialize(bytes)).toBe(text)
  }
})
