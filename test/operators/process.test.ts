import { Subject, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { standalone } from '../../src/operators/operator.ts'
import { process } from '../../src/operators/process.ts'
import { chunkOf, recordsOf } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { Drive, out, text } from '../support/drive.ts'

const seen = () => keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long })

describe('a processor', () => {
  test('keeps stores, and forwards none, one or many records for each one', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .process('twice the first', {
          stores: { seen: seen() },
          processor:
            ({ stores, forward }) =>
            (value, key, { timestampMs }) => {
              if (key === null || stores.seen.get(key) !== undefined) return
              stores.seen.put(key, 1, timestampMs)
              forward(key, value)
              forward(`${key}!`, value, timestampMs + 1)
            },
        })
        .to(out)
    })
    expect(drive.step('s:a=x@5', 's:a=y@6', 's:b=z@7')).toEqual([
      ['a=x@5', 'a!=x@6'],
      [],
      ['b=z@7', 'b!=z@8'],
    ])
    expect(drive.driver.store('seen')?.size).toBe(2)
  })

  test('shares a store with another processor, and both see each record before the next', () => {
    const store = seen()
    const drive = new Drive(({ stream }) => {
      const s = stream(text('s'))
      s.process('count', {
        stores: { store },
        processor:
          ({ stores }) =>
          (_, key) => {
            if (key !== null) stores.store.put(key, (stores.store.get(key) ?? 0) + 1, 0)
          },
      })
      s.processValues('say', {
        stores: { store },
        value: serdes.string,
        processor:
          ({ stores, forward }) =>
          (value, key) =>
            forward(`${value}${stores.store.get(key ?? '')}`),
      }).to(out)
    })
    drive.driver.pipeChunk(
      's',
      chunkOf([1, 2, 3].map((timestampMs) => ({ key: 'a', value: 'x', timestampMs }))),
    )
    expect(drive.driver.read(out).map(({ value }) => value)).toEqual(['x1', 'x2', 'x3'])
  })

  test('is called by stream time at multiples of the interval, once however many have passed', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .process('tick', {
          processor: ({ punctuate, forward }) => {
            punctuate({ everyMs: 10, by: 'streamTime' }, (timeMs) => forward('tick', String(timeMs)))
            return () => {}
          },
        })
        .to(out)
    })
    expect(
      drive.step('s:a=x@3', 's:a=x@9', 's:a=x@10', 's:a=x@5', 's:a=x@47', 's:a=x@49', 's:a=x@50'),
    ).toEqual([['tick=3@3'], [], ['tick=10@10'], [], ['tick=47@47'], [], ['tick=50@50']])
    expect(drive.step('wall+1000')).toEqual([[]])
  })

  test('knows how far event time has come, which a late record does not turn back', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .process('time', {
          processor:
            ({ streamTimeMs, nowMs, forward }) =>
            () =>
              forward('time', `${streamTimeMs()} ${nowMs()}`),
        })
        .to(out)
    })
    expect(drive.step('s:a=x@7', 'wall+5', 's:a=x@3')).toEqual([['time=7 0@7'], [], ['time=7 5@3']])
  })

  test('goes on where stream time was after a restart', () => {
    const subject = new Subject<ReturnType<typeof chunkOf<string, string>>>()
    const times: number[] = []
    const context = standalone({ streamTime: { ms: 25 } })
    subject
      .pipe(
        process<string, string, string, string, Record<never, never>>(
          {
            stores: {},
            processor: ({ punctuate }) => {
              punctuate({ everyMs: 10, by: 'streamTime' }, (timeMs) => times.push(timeMs))
              return () => {}
            },
          },
          context,
        ),
      )
      .subscribe()
    for (const timestampMs of [26, 29, 31]) subject.next(chunkOf([{ key: 'a', value: 'x', timestampMs }]))
    expect(times).toEqual([31])
  })

  test('is called by the wall clock without a record, until it ends that', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .process('tick', {
          processor: ({ punctuate, forward }) => {
            const end = punctuate({ everyMs: 10, by: 'wallClock' }, (timeMs) => {
              forward('tick', String(timeMs))
              if (timeMs >= 30) end()
            })
            return () => {}
          },
        })
        .to(out)
    })
    expect(drive.step('wall+9', 'wall+1', 's:a=x@500', 'wall+25', 'wall+5', 'wall+50')).toEqual([
      [],
      ['tick=10@10'],
      [],
      ['tick=35@35'],
      [],
      [],
    ])
  })

  test('refuses to forward when no record is being processed', () => {
    let later: ((key: string | null, value: string | null) => void) | undefined
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .process('late', {
          processor: ({ forward }) => {
            later = forward
            return () => {}
          },
        })
        .to(out)
    })
    drive.step('s:a=x@1')
    expect(() => later?.('a', 'x')).toThrow('"late" forwards a record when none is being processed')
  })

  test('says where it threw', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s')).process('broken', {
        processor: () => () => {
          throw new Error('no')
        },
      })
    })
    expect(() => drive.step('s:a=x@1')).toThrow('step "broken" threw at s/0 offset 0: no')
  })

  test('refuses an interval that is no whole number of milliseconds', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s')).process('p', {
        processor: ({ punctuate }) => {
          punctuate({ everyMs: 0, by: 'wallClock' }, () => {})
          return () => {}
        },
      })
    })
    expect(() => drive.step('s:a=x@1')).toThrow('everyMs must be a whole number of at least 1, not 0')
  })

  test('ends with its source, as an operator used alone', () => {
    const subject = new Subject<ReturnType<typeof chunkOf<string, string>>>()
    const results: unknown[] = []
    let completed = false
    subject
      .pipe(
        process<string, string, string, string, Record<never, never>>({
          stores: {},
          processor:
            ({ forward }) =>
            (value, key) =>
              forward(key, value.toUpperCase()),
        }),
        toArray(),
      )
      .subscribe({
        next: (chunks) => results.push(...chunks.flatMap(recordsOf)),
        complete: () => (completed = true),
      })
    subject.next(chunkOf([{ key: 'a', value: 'x', timestampMs: 1 }]))
    subject.complete()
    expect(completed).toBe(true)
    expect(results).toMatchObject([{ key: 'a', value: 'X', timestampMs: 1 }])
  })
})

describe('a processor of values', () => {
  test('keeps the key, so that nothing is repartitioned behind it', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .processValues('shout', {
          processor:
            ({ forward }) =>
            (value) =>
              forward(value?.toUpperCase() ?? null),
        })
        .groupByKey()
        .count('n')
    })
    drive.step('s:a=x@1')
    expect(drive.driver.subTopologies).toHaveLength(1)
  })

  test('refuses to forward from a punctuation, which has no key', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s')).processValues('p', {
        processor: ({ forward, punctuate }) => {
          punctuate({ everyMs: 1, by: 'wallClock' }, () => forward('x'))
          return () => {}
        },
      })
    })
    expect(() => drive.step('wall+1')).toThrow('there is no key then')
  })
})
