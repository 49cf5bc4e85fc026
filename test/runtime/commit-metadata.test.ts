import { describe, expect, test } from 'vitest'
import {
  committedChangelogs,
  committerOf,
  encodeMetadata,
  restoreStreamTimes,
} from '../../src/runtime/commit-metadata.ts'

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
    { committer: 'task_0' },
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

describe('what the changelogs have', () => {
  const range = (lowOffset: number, endOffset: number) => ({ lowOffset, endOffset })

  test('comes back, the furthest of each, beside stream times and who has committed', () => {
    const times = new Map([['a', { ms: 1 }]])
    const early = encodeMetadata(times, {
      committer: 'task_0',
      changelogs: new Map([
        ['counts', range(0, 5)],
        ['.', range(2, 3)],
      ]),
    })
    const late = encodeMetadata(times, { changelogs: new Map([['counts', range(1, 9)]]) })
    expect(committedChangelogs([late, early])).toEqual(
      new Map([
        ['counts', range(1, 9)],
        ['.', range(2, 3)],
      ]),
    )
    expect([restored(early), committerOf(early)]).toEqual([new Map([['a', { ms: 1 }]]), 'task_0'])
  })

  test('is left out where there is no room for it, and the rest is kept', () => {
    const times = new Map([['a', { ms: 1 }]])
    const changelogs = new Map(
      Array.from({ length: 200 }, (_, i) => [`a store with a name ${i}`, range(0, i)]),
    )
    const metadata = encodeMetadata(times, { committer: 'task_0', changelogs })
    expect(metadata).toBe(encodeMetadata(times, { committer: 'task_0' }))
  })

  test.each([
    '',
    '{"a":1}',
    '{".":7}',
    '{".":{"counts":[1]}}',
    '{".":{"counts":{"endOffset":1}}}',
    '{".":null}',
  ])('is unknown by %s, as an earlier or a later version may have written it', (metadata) => {
    expect(committedChangelogs([metadata])).toEqual(new Map())
  })
})
