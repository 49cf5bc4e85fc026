import { from, lastValueFrom, Subject, take } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { mapValues } from '../../src/operators/map-values.ts'
import { eachRecord, eachUpdate, standalone, timedOperator } from '../../src/operators/operator.ts'
import type { Chunk } from '../../src/records/chunk.ts'
import { chunk } from '../support/operator-family.ts'

describe('eachRecord', () => {
  test('hands over each record in order: its number, key, value and time', () => {
    const visited: unknown[] = []
    eachRecord(standalone(), chunk(['a', 1, 10], ['b', 2, 5]), (...record) => visited.push(record))
    expect(visited).toEqual([
      [0, 'a', 1, 10],
      [1, 'b', 2, 5],
    ])
  })

  test('goes on behind a record whose callback failed, if that does not end the task', () => {
    const visited: unknown[] = []
    const failed: unknown[] = []
    const context = standalone({ callbackFailed: (error, _chunk, i) => failed.push([error, i]) })
    eachRecord(context, chunk(['a', 1, 1], ['b', 2, 2], ['c', 3, 3]), (_i, key) => {
      if (key === 'b') throw 'no b'
      visited.push(key)
    })
    expect(visited).toEqual(['a', 'c'])
    expect(failed).toEqual([['no b', 1]])
  })
})

test('eachUpdate hands over what each update replaces too, before the time', () => {
  const visited: unknown[] = []
  const updates = { ...chunk(['a', 1, 10], ['b', null, 5]), oldValues: [null, 7] }
  eachUpdate(standalone(), updates, (...update) => visited.push(update))
  expect(visited).toEqual([
    [0, 'a', 1, null, 10],
    [1, 'b', null, 7, 5],
  ])
})

describe('an operator', () => {
  test('ends with who listens, in the middle of a source that never ends by itself', async () => {
    function* forever() {
      for (let i = 0; ; i++) yield chunk(['a', i, i])
    }
    const doubled$ = from(forever()).pipe(
      mapValues((value: number) => 2 * value),
      take(2),
    )
    expect((await lastValueFrom(doubled$)).values).toEqual([2])
  })

  test('that keeps time ends with its records, and goes on when heartbeats end', () => {
    const [records$, heartbeats$] = [
      new Subject<Chunk<unknown, unknown>>(),
      new Subject<Chunk<unknown, unknown>>(),
    ]
    const seen: unknown[] = []
    const passOn = {
      take: (each: Chunk<unknown, unknown>) => each,
      advance: (each: Chunk<unknown, unknown>) => each,
    }
    timedOperator(
      standalone({ heartbeats$ }),
      () => passOn,
    )(records$).subscribe({
      next: ({ keys }) => seen.push(...keys),
      complete: () => seen.push('end'),
    })
    heartbeats$.next(chunk(['beat', 0, 1]))
    heartbeats$.complete()
    records$.next(chunk(['record', 0, 2]))
    records$.complete()
    expect(seen).toEqual(['beat', 'record', 'end'])
  })
})
