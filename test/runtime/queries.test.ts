import { describe, expect, expectTypeOf, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import type { TableQuery, WindowQuery } from '../../src/state/query.ts'
import { queryable } from '../../src/stream/queryable.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { session, sliding, tumbling } from '../../src/windows/windows.ts'

const clicks = topic('clicks', { key: serdes.string, value: serdes.long })
const names = topic('names', { key: serdes.string, value: serdes.string })
const out = topic('out', { key: serdes.string, value: serdes.long })
const seen = keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long })

const app = topology('app', ({ stream, table, globalTable }) => {
  const grouped = stream(clicks).groupByKey()
  stream(clicks)
    .process('remember', {
      stores: { seen },
      processor: ({ stores }) => {
        return (value, key, { timestampMs }) => stores.seen.put(key, value, timestampMs)
      },
    })
    .to(out)
  const users = table(names)
  return {
    counts: queryable(grouped.count('counts')),
    minutes: queryable(grouped.windowedBy(tumbling({ sizeMs: 10 })).count('minutes', { retentionMs: 1_000 })),
    sessions: queryable(grouped.windowedBy(session({ gapMs: 5, graceMs: 1_000 })).count('sessions')),
    near: queryable(grouped.windowedBy(sliding({ differenceMs: 5, graceMs: 1_000 })).count('near')),
    users: queryable(users),
    long: queryable(users.filter('long names', (name) => name.length > 3, { store: 'long' })),
    everywhere: queryable(globalTable(topic('countries', { key: serdes.string, value: serdes.string }))),
  }
})

function driven(): TestDriver {
  const driver = new TestDriver(app)
  driver.pipe(
    clicks,
    { key: 'a', value: 7, timestampMs: 1 },
    { key: 'a', value: 8, timestampMs: 12 },
    { key: 'b', value: 9, timestampMs: 13 },
    { key: 'a', value: 1, timestampMs: 15 },
  )
  driver.pipe(
    names,
    { key: 'a', value: 'Adalbert', timestampMs: 1 },
    { key: 'b', value: 'Bo', timestampMs: 2 },
  )
  return driver
}

describe('the stores of a topology, asked', () => {
  test('answer rows by key, with the types of where the table is declared', () => {
    const counts = driven().query(app.stores.counts)
    expectTypeOf(counts).toEqualTypeOf<TableQuery<string, number>>()
    expect(counts.get('a')).toBe(3)
    expect(counts.get('nobody')).toBeUndefined()
    expect(counts.entry('b')).toEqual({ key: 'b', value: 1, timestampMs: 13 })
    expect([...counts.all()].map(({ key, value }) => [key, value])).toEqual([
      ['a', 3],
      ['b', 1],
    ])
    expect(counts.size()).toBe(2)
    // @ts-expect-error the keys are strings
    expect(counts.get(1)).toBeUndefined()
    // @ts-expect-error a table has no windows
    counts.fetch
  })

  test('answer the windows that start in a range, both ends included', () => {
    const minutes = driven().query(app.stores.minutes)
    expectTypeOf(minutes).toEqualTypeOf<WindowQuery<string, number>>()
    const windowsOf = (fromMs?: number, toMs?: number) =>
      minutes.fetch('a', fromMs, toMs).map(({ windowed, value }) => [windowed.startMs, value])
    expect(windowsOf()).toEqual([
      [0, 1],
      [10, 2],
    ])
    expect(windowsOf(1, 10)).toEqual([[10, 2]])
    expect(windowsOf(0, 9)).toEqual([[0, 1]])
    expect([...minutes.all()]).toHaveLength(3)
  })

  test('answer sessions by their start too', () => {
    const sessions = driven().query(app.stores.sessions)
    const startsOf = (fromMs?: number, toMs?: number) =>
      sessions
        .fetch('a', fromMs, toMs)
        .map(({ windowed, value }) => [windowed.startMs, windowed.endMs, value])
    expect(startsOf()).toEqual([
      [1, 1, 1],
      [12, 15, 2],
    ])
    expect(startsOf(13, 20)).toEqual([])
    expect(startsOf(12, 12)).toEqual([[12, 15, 2]])
  })

  test('answer a row that does not change with the next record', () => {
    const driver = driven()
    const [before] = driver.query(app.stores.minutes).fetch('a', 10)
    driver.pipe(clicks, { key: 'a', value: 1, timestampMs: 16 })
    expect(before?.value).toBe(2)
  })

  test('are those of processors, of tables read from topics, and of derived tables that keep their rows', () => {
    const driver = driven()
    expect(driver.query(seen).get('a')).toBe(1)
    expect(driver.query(app.stores.users).get('b')).toBe('Bo')
    expect(driver.query(app.stores.long).get('b')).toBeUndefined()
    expect(driver.query(app.stores.long).get('a')).toBe('Adalbert')
    driver.pipe('countries', { key: 'CH', value: 'Switzerland', timestampMs: 0 })
    expect(driver.query(app.stores.everywhere).get('CH')).toBe('Switzerland')
  })

  test('are listed by name, without those that no question makes sense for', () => {
    const kinds = driven()
      .queries()
      .map(({ name, kind }) => `${name}: ${kind}`)
    expect(kinds.sort()).toEqual([
      'counts: table',
      'long: table',
      'minutes: windows',
      'near: windows',
      'seen: table',
      'sessions: windows',
      'table countries: table',
      'table names: table',
    ])
  })

  test('refuse a table that keeps nothing, and say what to do', () => {
    expect(() =>
      topology('app', ({ table }) => ({ long: queryable(table(names).filter('long', () => true)) })),
    ).toThrow(/"long" keeps no rows of its own: give it a store/)
  })

  test('refuse a store that the topology does not have, and say which it has', () => {
    const other = keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long })
    expect(() => driven().query(other)).toThrow(/no store "seen" of this declaration.*"counts", "minutes"/)
  })
})
