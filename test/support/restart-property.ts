import fc from 'fast-check'
import { expect } from 'vitest'
import type { StateStore, StoreSpec } from '../../src/state/store.ts'

export interface RestartProperty<S extends StateStore, Op> {
  readonly spec: () => StoreSpec<S>
  readonly op: fc.Arbitrary<Op>
  /** Does what the operation says; what it answers must be the same before and after a restart. */
  apply(store: S, op: Op): unknown
  /** All that can be seen of the store. */
  contents(store: S): unknown
}

/**
 * A store that is drained at any time, and restored into a new one from what is left in a compacted changelog, holds
 * the same and goes on the same; so does one that takes back at once what it has drained, as in the test driver.
 */
export function survivesRestart<S extends StateStore, Op>({
  spec,
  op,
  apply,
  contents,
}: RestartProperty<S, Op>): void {
  const step = fc.oneof(
    { weight: 6, arbitrary: op.map((operation) => ({ operation })) },
    { weight: 1, arbitrary: fc.constant('drain' as const) },
    { weight: 1, arbitrary: fc.constant('read back' as const) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const changelog = new Changelog()
      const steady = spec().create()
      let restarted = spec().create()
      for (const [i, at] of steps.entries()) {
        if (typeof at === 'object') {
          expect(apply(restarted, at.operation), `operation ${i}`).toEqual(apply(steady, at.operation))
          continue
        }
        const changes = changelog.take(restarted)
        if (at === 'drain') continue
        if (at === 'restart') restarted = spec().create()
        restore(restarted, at === 'restart' ? changelog.records : changes)
        expect(contents(restarted), `${at} at ${i}`).toEqual(contents(steady))
      }
    }),
    { numRuns: 300 },
  )
}

interface ChangelogRecord {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
}

/** Keeps the newest record of each key, in order of writing, as compaction does. */
class Changelog {
  readonly #records = new Map<string, ChangelogRecord>()

  get records(): readonly ChangelogRecord[] {
    return [...this.#records.values()]
  }

  /** Answers what is new. */
  take(store: StateStore): readonly ChangelogRecord[] {
    const changes: ChangelogRecord[] = []
    store.drainChanges((key, value, timestampMs) => {
      const record = { key: Buffer.from(key), value: value && Buffer.from(value), timestampMs }
      changes.push(record)
      const id = key.toString('hex')
      this.#records.delete(id)
      this.#records.set(id, record)
    })
    store.drainChanges(() => expect.fail('what was drained came again'))
    return changes
  }
}

function restore(store: StateStore, records: readonly ChangelogRecord[]): void {
  for (const { key, value, timestampMs } of records) store.restore(key, value, timestampMs)
  store.drainChanges(() => expect.fail('what was restored is no change'))
}
