import { map, type OperatorFunction, Subject } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import { RivuletError } from '../../src/errors.ts'
import { type OperatorContext, standalone } from '../../src/operators/operator.ts'
import { type Chunk, chunkOf, type PlainRecord, recordsOf } from '../../src/records/chunk.ts'

type Records = readonly PlainRecord<unknown, unknown>[]

export interface OperatorFamily<I extends Chunk<unknown, unknown>> {
  /** Without a context: as it is used outside of a topology. */
  operator(context?: OperatorContext): OperatorFunction<I, Chunk<unknown, unknown>>
  /** Two chunks, and what the operator makes of the first and then of the second; undefined: no chunk. */
  readonly inputs: readonly [I, I]
  readonly outputs: readonly [Records | undefined, Records | undefined]
  /** The same operator with a callback that does this; absent: it has none. */
  throwing?(fail: () => never, context: OperatorContext): OperatorFunction<I, Chunk<unknown, unknown>>
}

/** What every operator does, whatever it is: never, empty, one, many, error, early disposal, throwing callback. */
export function describeOperator<I extends Chunk<unknown, unknown>>(
  name: string,
  family: OperatorFamily<I>,
): void {
  const [a, b] = family.inputs
  const [x, y] = family.outputs
  const values: Record<string, I> = { a, b }
  const expected = { x, y }
  const first = x ? 'x' : '-'
  const second = y ? 'y' : '-'
  const operator = () => family.operator(standalone())

  describe(`${name}, as every operator`, () => {
    test('stays silent and subscribed while its source is silent', () =>
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot<I>('-')
        expectObservable(source.pipe(operator()), '^--!').toBe('-')
        expectSubscriptions(source.subscriptions).toBe('   ^--!')
      }))

    test('completes with an empty source', () =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold<I>('|').pipe(operator())).toBe('|')
      }))

    test('makes of one chunk what it should', () =>
      marbles(({ cold, expectObservable }) => {
        const source = cold('  a|', values)
        expectObservable(source.pipe(operator(), map(recordsOf))).toBe(`${first}|`, expected)
      }))

    test('makes of many chunks what it should, in order', () =>
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('-a--b-|', values)
        expectObservable(source.pipe(operator(), map(recordsOf))).toBe(`-${first}--${second}-|`, expected)
        expectSubscriptions(source.subscriptions).toBe('^-----!')
      }))

    test('does the same outside of a topology, without a context', () =>
      marbles(({ cold, expectObservable }) => {
        const source = cold('a-b|', values)
        expectObservable(source.pipe(family.operator(), map(recordsOf))).toBe(`${first}-${second}|`, expected)
      }))

    test('passes on the error of its source, after what came before it', () =>
      marbles(({ cold, expectObservable }) => {
        const source = cold('  a-#', values)
        expectObservable(source.pipe(operator(), map(recordsOf))).toBe(`${first}-#`, expected)
      }))

    test('leaves its source as soon as nobody listens any more', () =>
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('-a--b-|', values)
        expectObservable(source.pipe(operator(), map(recordsOf)), '^--!').toBe(`-${first}`, expected)
        expectSubscriptions(source.subscriptions).toBe('                 ^--!')
      }))

    const { throwing } = family
    if (!throwing) return
    test('becomes an error with its place when a callback throws', () => {
      const context = standalone({ step: 'my step' })
      const fail = (): never => {
        throw new TypeError('no such thing')
      }
      const failing = throwing(fail, context)
      const offset = a.offsets[0] ?? -1
      const place = { step: 'my step', topic: 'test', partition: 0, offset }
      marbles(({ cold, expectObservable }) => {
        const error = new RivuletError(
          'CALLBACK_FAILED',
          `step "my step" threw at test/0 offset ${offset}: no such thing`,
          { cause: new TypeError('no such thing'), place },
        )
        expectObservable(cold('a-b|', values).pipe(failing)).toBe('#', undefined, error)
      })
    })
  })
}

function marbles(run: Parameters<TestScheduler['run']>[0]): void {
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(run)
}

/** `[key, value, timestampMs]`, as tests write records. */
export type Written<K, V> = readonly [key: K, value: V, timestampMs: number]

export function chunk<K, V>(...records: readonly Written<K, V>[]): Chunk<K, V> {
  return chunkOf(records.map(([key, value, timestampMs], offset) => ({ key, value, timestampMs, offset })))
}

/** A task of one operator: takes records one by one, and answers what comes out of each. */
export function driveOperator<I extends Chunk<unknown, unknown>, O extends Chunk<unknown, unknown>>(
  operator: (context: OperatorContext) => OperatorFunction<I, O>,
  overrides: Partial<OperatorContext> = {},
): { next(input: I): O[]; readonly dropped: string[] } {
  const dropped: string[] = []
  const context = standalone({ drop: (_chunk, _i, reason) => dropped.push(reason), ...overrides })
  const inputs = new Subject<I>()
  let outputs: O[] = []
  inputs.pipe(operator(context)).subscribe((output) => outputs.push(output))
  return {
    dropped,
    next(input) {
      outputs = []
      inputs.next(input)
      return outputs
    },
  }
}
