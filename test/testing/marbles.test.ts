import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Source } from '../../src/stream/source.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { marbles } from '../../src/testing/index.ts'
import { tumbling } from '../../src/windows/windows.ts'
import { MemorySink } from '../support/memory-sink.ts'

const numbers = topic('numbers', { key: serdes.string, value: serdes.json<number>() })

/** From its source through a topic and windows into a sink. */
function counting(source: Source<number>) {
  return topology('counting', (declare) => {
    declare.source('numbers source', source, { key: () => 'k', timestampMs: (value) => value }).to(numbers)
    declare
      .stream(numbers)
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: 10 }))
      .count('count')
      .toStream()
      .map((count, { startMs }) => [startMs, count ?? 0] as const)
      .batch({ rowsMax: 2, waitMsMax: 5 })
      .to('counts', new MemorySink<number, number>())
  })
}

describe('a topology under marbles', () => {
  test('runs from its source through its topics to its sinks, which get batches by size and by time', () => {
    marbles(({ hot, drive, expectObservable }) => {
      const source = hot('-a-b---c--------|', { a: 1, b: 2, c: 15 })
      const { topic: written, sink } = drive(counting(source))
      expectObservable(written(numbers)).toBe('-a-b---c--------|', {
        a: { key: 'k', value: 1, timestampMs: 1, offset: 0 },
        b: { key: 'k', value: 2, timestampMs: 2, offset: 1 },
        c: { key: 'k', value: 15, timestampMs: 15, offset: 2 },
      })
      expectObservable(sink<number>('counts')).toBe('---x--------y---|', { x: [1, 2], y: [1] })
    })
  })

  test('shows what is read of the bytes, in its topics and in its sinks', () => {
    const dates = topic('dates', {
      key: serdes.nullable(serdes.string),
      value: serdes.json<{ at?: string }>(),
    })
    marbles(({ hot, drive, expectObservable }) => {
      const { topic: written, sink } = drive(
        topology('dated', (declare) => {
          declare
            .source('calendar', hot('-a|', { a: { at: '1970', left: undefined } }), { timestampMs: () => 7 })
            .to(dates)
          declare
            .stream(dates)
            .batch({ rowsMax: 1, waitMsMax: 5 })
            .to('kept', new MemorySink<string | null, { at?: string }>())
        }),
      )
      const value = { at: '1970' }
      const a: object = { key: null, value, timestampMs: 7, offset: 0 }
      expectObservable<object>(written(dates)).toBe('-a|', { a })
      expectObservable<unknown>(sink('kept')).toBe('-b|', { b: [value] })
    })
  })

  test('writes what was gathered when its source completes', () => {
    marbles(({ hot, drive, expectObservable }) => {
      expectObservable(drive(counting(hot('-a|', { a: 1 }))).sink('counts')).toBe('--(x|)', { x: [1] })
    })
  })

  test('fails where its source fails', () => {
    marbles(({ hot, drive, expectObservable }) => {
      expectObservable(drive(counting(hot<number>('--#'))).sink('counts')).toBe('--#')
    })
  })

  test('gives its source a context, and keeps what the source says', () => {
    marbles(({ drive, expectObservable, flush }) => {
      const { counters, states$, deadLetters$ } = drive(
        counting((context) => {
          context.setState('live')
          context.count('gaps', 2)
          context.deadLetter({ bytes: Buffer.from('?'), reason: 'why not', place: {} })
          return NEVER
        }),
      )
      expectObservable(states$).toBe('a', { a: { source: 'numbers source', state: 'live' } })
      expectObservable(deadLetters$).toBe('a', {
        a: { source: 'numbers source', bytes: Buffer.from('?'), reason: 'why not', place: {} },
      })
      flush()
      expect(counters).toEqual(new Map([['gaps', 2]]))
    })
  })

  test('fails its test when the expectation is not met', () => {
    const wrong = () =>
      marbles(({ hot, drive, expectObservable }) => {
        expectObservable(drive(counting(hot('-a|', { a: 1 }))).sink('counts')).toBe('--(x|)', { x: [7] })
      })
    expect(wrong).toThrow()
  })

  test('says which sinks there are when asked for another', () => {
    marbles(({ drive }) => {
      expect(() => drive(counting(NEVER)).sink('count')).toThrow(
        'no sink is named "count"; there are "counts"',
      )
    })
  })
})
