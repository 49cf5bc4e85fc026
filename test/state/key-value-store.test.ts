import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import type { DiskTable } from '../../src/state/disk-table.ts'
import { type KeyValueStore, keyValueStore } from '../../src/state/key-value-store.ts'
import type { StoreSpec, StoreType } from '../../src/state/store.ts'
import { diskTable } from '../support/disk-table.ts'
import { survivesRestart } from '../support/restart-property.ts'

const options = { name: 's', key: serdes.string, value: serdes.long }

/** A store as a task has it: with `disk`, what it drains goes into its table, as when a commit has succeeded. */
class Kept<K, V> {
  readonly store: KeyValueStore<K, V>
  readonly #table: DiskTable | undefined
  #offset = 0

  constructor(spec: StoreSpec<KeyValueStore<K, V>>, storeType: StoreType) {
    this.#table = storeType === 'disk' ? diskTable() : undefined
    this.store = spec.create(undefined, this.#table)
  }

  /** `meanwhile`: what happens while the commit is under way. */
  commit(meanwhile: () => void = () => {}): void {
    const [keys, values, timestampsMs, positions] = [
      [] as Buffer[],
      [] as (Buffer | null)[],
      [] as number[],
      [] as (number | undefined)[],
    ]
    this.store.drainChanges((key, value, timestampMs, position) => {
      keys.push(key)
      values.push(value)
      timestampsMs.push(timestampMs)
      positions.push(position)
    })
    meanwhile()
    if (keys.length === 0) return
    this.#offset += keys.length
    const reach = { nextOffset: this.#offset, lastOffset: this.#offset - 1, knownAtMs: 0 }
    this.#table?.append({ keys, values, timestampsMs, positions }, reach)
    this.store.settle()
  }
}

describe.each(['memory', 'disk'] as const)('a key-value store in %s', (storeType) => {
  const kept = () => new Kept(keyValueStore(options), storeType)

  test('finds what a map of the same operations holds, whenever it is committed', () => {
    const step = fc.oneof(
      fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.option(fc.nat(99)) }),
      fc.constantFrom('commit' as const, 'begin' as const),
    )
    const change = ({ store }: Kept<string, number>, map: Map<string, number>, at: number, of: Op) => {
      if (of.value === null) store.delete(of.key, at)
      else store.put(of.key, of.value, at)
      if (of.value === null) map.delete(of.key)
      else map.set(of.key, of.value)
    }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const [each, map] = [kept(), new Map<string, number>()]
        for (const [i, of] of steps.entries()) {
          const next = steps[i + 1]
          if (of === 'commit') each.commit()
          // What comes while a commit is under way belongs to the next one.
          else if (of === 'begin') each.commit(() => typeof next === 'object' && change(each, map, i, next))
          else change(each, map, i, of)
          expect(each.store.size).toBe(map.size)
          for (const key of ['a', 'b', 'c', 'd']) {
            expect(each.store.get(key)).toBe(map.get(key))
            expect(each.store.entry(key)?.value).toBe(map.get(key))
          }
          const rows = [...each.store.all()].map(({ key, value }) => [key, value] as const)
          expect(rows).toHaveLength(map.size)
          expect(new Map(rows)).toEqual(map)
        }
      }),
    )
  })

  test('knows the time of a row, and of none that was deleted', () => {
    const each = kept()
    each.store.put('a', 1, 7)
    each.commit()
    expect(each.store.entry('a')).toMatchObject({ key: 'a', value: 1, timestampMs: 7 })
    each.store.delete('a', 8)
    expect(each.store.entry('a')).toBeUndefined()
    each.commit()
    expect(each.store.entry('a')).toBeUndefined()
  })

  test('writes a deletion of a row that is committed, and none of a row that was never there', () => {
    const each = kept()
    each.store.put('a', 1, 1)
    each.commit()
    each.store.delete('a', 2)
    each.store.delete('never there', 2)
    const written: unknown[] = []
    each.store.drainChanges((key, value) => written.push([String(key), value]))
    expect(written).toEqual([['a', null]])
  })
})

type Op = { readonly key: string; readonly value: number | null }

describe('a key-value store on disk', () => {
  test('is refused to a store that nothing could read again, or whose serdes must fetch something first', () => {
    const unlogged = { ...options, logged: false, storeType: 'disk' } as const
    expect(() => keyValueStore(unlogged)).toThrow(/"s" can't be on disk: it has no changelog/)
    const prepared = { ...serdes.long, prepareRead: () => undefined }
    expect(() => keyValueStore({ ...options, value: prepared, storeType: 'disk' })).toThrow(
      /its serdes must fetch something before they can read/,
    )
    expect(keyValueStore({ ...options, value: prepared }).storeType).toBeUndefined()
  })
})

describe('a key-value store', () => {
  test('finds equal keys that are different objects', () => {
    const store = keyValueStore({
      name: 's',
      key: serdes.json<{ id: number }>(),
      value: serdes.long,
    }).create()
    store.put({ id: 1 }, 5, 1)
    store.put({ id: 1 }, 6, 2)
    expect([...store.all()]).toEqual([{ key: { id: 1 }, value: 6, timestampMs: 2 }])
  })

  test('writes a key that changed a thousand times once', () => {
    const store = keyValueStore({ name: 's', key: serdes.string, value: serdes.long }).create()
    for (let i = 0; i < 1_000; i++) store.put('a', i, i)
    const written: unknown[] = []
    store.drainChanges((key, value, timestampMs) =>
      written.push([key.toString(), value && serdes.long.deserialize(value), timestampMs]),
    )
    expect(written).toEqual([['a', 999, 999]])
  })

  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec: () => keyValueStore({ name: 's', key: serdes.string, value: serdes.long }),
      op: fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        value: fc.option(fc.nat(9)),
        timestampMs: fc.nat(9),
      }),
      apply(store, { key, value, timestampMs }) {
        if (value === null) store.delete(key, timestampMs)
        else store.put(key, value, timestampMs)
      },
      contents: (store) => [...store.all()].toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    })
  })
})
