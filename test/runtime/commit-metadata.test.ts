import { expect, test } from 'vitest'
import { committerOf, encodeMetadata, restoreStreamTimes } from '../../src/runtime/commit-metadata.ts'

function restored(...metadata: string[]) {
  const times = new Map<string, { ms: number }>()
  restoreStreamTimes(times, metadata)
  return times
}

test('stream times come back as they were, the latest of each, with who has committed them', () => {
  const early = encodeMetadata(
    new Map([
      ['a', { ms: 1 }],
      ['none yet', { ms: Number.NEGATIVE_INFINITY }],
    ]),
    'task_0',
  )
  const late = encodeMetadata(new Map([['a', { ms: 2 }]]))
  expect(restored(late, early)).toEqual(new Map([['a', { ms: 2 }]]))
  expect([early, late].map(committerOf)).toEqual(['task_0', undefined])
})

test('nothing to keep is kept as nothing', () => {
  expect(encodeMetadata(new Map())).toBe('')
  expect(committerOf('')).toBeUndefined()
})

test.each(['{', '7', 'null', '[]'])('words of another program, such as %s, are passed over', (words) => {
  expect(committerOf(words)).toBeUndefined()
  expect(restored(words)).toEqual(new Map())
})

test('more than Kafka keeps is refused', () => {
  const times = new Map([['x'.repeat(4_096), { ms: 1 }]])
  expect(() => encodeMetadata(times)).toThrow(/4096 bytes that Kafka keeps/)
})
