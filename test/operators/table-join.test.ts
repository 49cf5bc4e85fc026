import { map, merge } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { standalone } from '../../src/operators/operator.ts'
import { tableJoin } from '../../src/operators/table-join.ts'
import { upsert } from '../../src/operators/upsert.ts'
import { recordsOf } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { rowReader } from '../../src/state/row-reader.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { Drive, out, text } from '../support/drive.ts'
import { chunk } from '../support/operator-family.ts'

const joiner = (left: string | null, right: string | null) => `${left}+${right}`

function joined(kind: 'join' | 'leftJoin' | 'outerJoin', options: { store?: string } = {}): Drive {
  return new Drive(({ table }) => {
    const left = table(text('l'))
    const right = table(text('r'))
    const result =
      kind === 'join'
        ? left.join('j', right, joiner, options)
        : kind === 'leftJoin'
          ? left.leftJoin('j', right, joiner, options)
          : left.outerJoin('j', right, joiner, options)
    result.toStream().to(out)
  })
}

describe('a join of two tables', () => {
  test('rule 12: the result has the larger timestamp, and out-of-order updates are applied', () => {
    expect(joined('join').step('l:a=x@5', 'r:a=y@3', 'l:a=z@4', 'r:a=w@8')).toEqual([
      [],
      ['a=x+y@5'],
      ['a=z+y@4'],
      ['a=z+w@8'],
    ])
  })

  test('rule 25: a tombstone is sent, result before or not, unless the other side has no row', () => {
    expect(
      joined('join').step('l:a=@1', 'l:a=x@2', 'r:a=@3', 'r:a=y@4', 'l:a=@5', 'l:a=@6', 'r:a=@7'),
    ).toEqual([[], [], ['a=@3'], ['a=x+y@4'], ['a=@5'], ['a=@6'], []])
  })

  test('rule 25, left: … and this side had none', () => {
    expect(joined('leftJoin').step('l:a=x@1', 'l:a=@2', 'l:a=@3', 'r:a=y@4', 'l:a=@5')).toEqual([
      ['a=x+null@1'],
      ['a=@2'],
      [],
      [],
      ['a=@5'],
    ])
  })

  test('rule 25, outer: either side alone makes a result, and both gone a tombstone', () => {
    expect(joined('outerJoin').step('r:a=y@5', 'l:a=x@2', 'r:a=@3', 'l:a=@4', 'l:a=@6', 'r:a=@7')).toEqual([
      ['a=null+y@5'],
      ['a=x+y@5'],
      ['a=x+null@3'],
      ['a=@4'],
      [],
      [],
    ])
  })

  test('a store of its own holds the results', () => {
    const drive = joined('join', { store: 'results' })
    drive.step('l:a=x@1', 'r:a=y@2', 'l:b=x@3')
    const store = drive.driver.store('results')
    expect(store?.size).toBe(1)
  })

  test('another join looks up its rows, made anew, where it has no store', () => {
    const drive = new Drive(({ table }) => {
      const [a, b, c] = [table(text('a')), table(text('b')), table(text('c'))]
      a.join('ab', b, joiner).outerJoin('abc', c, joiner).toStream().to(out)
    })
    expect(drive.step('a:k=1@9', 'b:k=2@2', 'c:k=3@3', 'b:k=@4', 'c:k=4@5')).toEqual([
      [],
      ['k=1+2+null@9'],
      ['k=1+2+3@9'],
      ['k=null+3@9'],
      ['k=null+4@5'],
    ])
  })

  test('rule 27: of versioned tables, what is out of order is ignored and counted', () => {
    const drive = new Drive(({ table }) => {
      const left = table(text('l'), { versionedMs: 1_000 })
      left
        .join('j', table(text('r'), { versionedMs: 1_000 }), joiner)
        .toStream()
        .to(out)
    })
    expect(drive.step('l:a=x@10', 'r:a=y@5', 'l:a=old@3', 'r:a=w@20').flat()).toEqual([
      'a=x+y@10',
      'a=x+w@20',
    ])
    expect(drive.dropped).toBe(1)
  })
})

test('a join of two tables works outside of a topology, with the rows that one context holds', () => {
  const storeOf = (name: string) =>
    keyValueStore<string, string>({ name, key: serdes.string, value: serdes.string })
  const stores = { left: storeOf('l'), right: storeOf('r') }
  const context = standalone()
  const [left, right] = tableJoin<string, string, string, string>(
    {
      joiner,
      left: ({ store }) => rowReader(store(stores.left)),
      right: ({ store }) => rowReader(store(stores.right)),
      outer: { left: false, right: false },
      versioned: { left: false, right: false },
      sendsOldValues: false,
    },
    context,
  )
  marbles(({ hot, expectObservable }) => {
    const lefts = hot(' l---|', { l: chunk(['a', 'x', 5]) })
    const rights = hot('--r-|', { r: chunk(['a', 'y', 3]) })
    const joined = merge(
      lefts.pipe(upsert({ store: stores.left }, context), left),
      rights.pipe(upsert({ store: stores.right }, context), right),
    )
    expectObservable(joined.pipe(map(recordsOf))).toBe('--j-|', {
      j: [{ key: 'a', value: 'x+y', timestampMs: 5, offset: 0 }],
    })
  })
})
