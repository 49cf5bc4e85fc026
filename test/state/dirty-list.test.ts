import { expect, test } from 'vitest'
import { DirtyList } from '../../src/state/dirty-list.ts'

test('hands over each entry once, in the order of the first changes, and again only when it changes again', () => {
  const dirty = new DirtyList<{ dirty: boolean; name: string }>()
  const [a, b] = [
    { name: 'a', dirty: false },
    { name: 'b', dirty: false },
  ]
  dirty.mark(b)
  dirty.mark(a)
  dirty.mark(b)
  expect(dirty.take().map(({ name }) => name)).toEqual(['b', 'a'])
  expect([a.dirty, b.dirty]).toEqual([false, false])
  expect(dirty.take()).toEqual([])
  dirty.mark(b)
  expect(dirty.take()).toEqual([b])
})
