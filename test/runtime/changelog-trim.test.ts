import { expect, test } from 'vitest'
import { ChangelogTrim } from '../../src/runtime/changelog-trim.ts'

function changesAt(...timestampsMs: number[]) {
  return {
    keys: timestampsMs.map(() => Buffer.from('k')),
    values: timestampsMs.map(() => Buffer.from('v')),
    timestampsMs,
  }
}

test('lets go of what was written two retentions of event time ago, and of nothing younger', () => {
  const trim = new ChangelogTrim(100)
  expect(trim.note(changesAt(1_000, 900), 10)).toBeUndefined()
  expect(trim.note(changesAt(1_100), 20)).toBeUndefined()
  expect(trim.note(changesAt(1_200), 30)).toBeUndefined()
  expect(trim.note(changesAt(1_201), 40)).toBe(10)
  expect(trim.note(changesAt(1_150), 50)).toBeUndefined()
  expect(trim.note(changesAt(9_000), 60)).toBe(30)
})

test('a late change does not turn time back', () => {
  const trim = new ChangelogTrim(10)
  trim.note(changesAt(1_000), 1)
  expect(trim.note(changesAt(5), 2)).toBeUndefined()
  expect(trim.note(changesAt(1_021), 3)).toBe(1)
})
