import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor, reaches } from '../../../../pipelines/market/api/cursor.ts'

const cursors = fc
  .uniqueArray(fc.tuple(fc.nat(300), fc.nat({ max: 10 ** 12 })), {
    selector: ([partition]) => partition,
    maxLength: 40,
  })
  .map((entries) => new Map(entries))

test('comes back from its text, whatever the partitions and offsets', () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      expect(decodeCursor(encodeCursor(cursor), 'since')).toEqual(cursor)
    }),
  )
})

test('is the same text for the same position, in whatever order the partitions came', () => {
  expect(
    encodeCursor(
      new Map([
        [10, 1],
        [2, 5],
      ]),
    ),
  ).toBe(
    encodeCursor(
      new Map([
        [2, 5],
        [10, 1],
      ]),
    ),
  )
})

test('needs no escaping in an address', () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      expect(encodeURIComponent(encodeCursor(cursor))).toBe(encodeCursor(cursor))
    }),
  )
})

test('takes any other text for a bad request that names the parameter, and nothing else', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9_-]*$/)), (text) => {
      try {
        expect(encodeCursor(decodeCursor(text, 'since'))).toBeTypeOf('string')
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_REQUEST', place: { parameter: 'since' } })
      }
    }),
  )
})

test('reaches an end when every partition of it does, the absent ones standing at their start', () => {
  const end = new Map([
    [0, 5],
    [1, 2],
  ])
  expect(
    reaches(
      new Map([
        [0, 5],
        [1, 2],
      ]),
      end,
    ),
  ).toBe(true)
  expect(
    reaches(
      new Map([
        [0, 6],
        [1, 1],
      ]),
      end,
    ),
  ).toBe(false)
  expect(reaches(new Map([[0, 5]]), end)).toBe(false)
  expect(reaches(new Map(), new Map())).toBe(true)
  expect(reaches(new Map(), new Map([[0, 0]]))).toBe(true)
})
