import {
  catchError,
  EMPTY,
  filter,
  ignoreElements,
  merge,
  NEVER,
  Observable,
  of,
  type Subscription,
  tap,
  throwError,
} from 'rxjs'
import { describe, expect, test } from 'vitest'
import { RivuletError } from '../../../src/errors.ts'
import { type SourceContractOptions, sourceContract } from '../../../src/testing/contracts/source-contract.ts'
import { namesOfRed, testAll } from './checks.ts'
import { type Acknowledge, acknowledging, queueOf } from './fake-queue.ts'
import { healthy, numbers, numbersOf, type Parts } from './fake-server.ts'

function contractOf(parts: Parts): SourceContractOptions<number> {
  return {
    open: () => numbersOf(parts),
    numberOf: (value) => value,
    record: (value) => ({ key: `a third ${value % 3}`, value }),
    // What is in memory comes at once, or never.
    waitMsMax: 50,
    quietMs: 5,
  }
}

function upTo(number: number): ReadonlySet<number> {
  return new Set(Array.from({ length: number + 1 }, (_, i) => i))
}

/** As if all that came before the newest record of all were there. */
const upToTheNewest: Parts['written'] = async (context) =>
  upTo(Math.max(-1, ...(await healthy.written(context))))

/** Nothing is lost, but what the partitions that are further have comes again. */
const upToTheSmallestOfTheNewest: Parts['written'] = async ({ tail }) => {
  const newest = new Map<number, number>()
  for await (const { partition, value } of tail(numbers))
    if (!newest.has(partition)) newest.set(partition, value)
  return upTo(newest.size < 3 ? -1 : Math.min(...newest.values()))
}

/** What each of them does wrong beside what `healthy` does right. */
const broken: Readonly<Record<string, () => Partial<Parts>>> = {
  'emits each message once, in order': () => ({
    messages: (...args) => healthy.messages(...args).pipe(filter((message) => message !== 3)),
  }),
  'waits while it is paused, and loses nothing': () => ({
    messages: (server, written, context) =>
      healthy.messages(server, written, { ...context, paused$: of(false) }),
  }),
  'goes on where it was after a restart': () => ({ written: async () => new Set() }),
  'emits again what it has emitted and its topic does not have': () => {
    const emitted = new Set<number>()
    return {
      written: async () => emitted,
      messages: (...args) =>
        healthy.messages(...args).pipe(
          filter((message) => {
            if (message !== 'undecodable') emitted.add(message)
            return true
          }),
        ),
    }
  },
  'loses and doubles nothing when its partitions were acknowledged unevenly': () => ({
    written: upToTheNewest,
  }),
  'hands over what it can not decode, once, and goes on': () => ({
    undecodable: () => throwError(() => new RivuletError('SOURCE_FAILED', 'no number')),
  }),
  // Nobody hangs up.
  'stops at once when it is stopped': () => ({
    messages: (...args) =>
      new Observable((subscriber) => {
        healthy.messages(...args).subscribe({
          next: (message) => subscriber.next(message),
          error: (error) => subscriber.error(error),
        })
      }),
  }),
  // When it is stopped there is nothing to hang up yet.
  'stops also while it looks where it was': () => ({
    whole: (written, messages) =>
      new Observable((subscriber) => {
        let listening: Subscription | undefined
        void written.then((numbers) => {
          listening = messages(numbers).subscribe({
            next: (value) => subscriber.next(value),
            error: (error) => subscriber.error(error),
          })
        })
        return () => listening?.unsubscribe()
      }),
  }),
  'says that its connection broke, and loses nothing': () => ({
    messages: (...args) => healthy.messages(...args).pipe(catchError(() => NEVER)),
  }),
}

describe('the contract of a source', () => {
  describe('is kept by one that does all as it should, which', () =>
    testAll(sourceContract(contractOf(healthy))))

  test('has a broken source for each of its sentences', () => {
    const names = sourceContract(contractOf(healthy)).map(({ name }) => name)
    expect(Object.keys(broken)).toEqual(names)
  })

  test.each(Object.entries(broken))('tells of a source that breaks: "%s"', async (name, flaw) => {
    expect(await namesOfRed(sourceContract(contractOf({ ...healthy, ...flaw() })))).toContain(name)
  })

  const redOf = (flaw: Partial<Parts>) => namesOfRed(sourceContract(contractOf({ ...healthy, ...flaw })))

  test('tells of one that throws away what comes while it is paused', async () => {
    const messages: Parts['messages'] = (server, written, { paused$, ...context }) => {
      let isPaused = false
      return merge(
        paused$.pipe(
          tap((paused) => {
            isPaused = paused
          }),
          ignoreElements(),
        ),
        healthy.messages(server, written, { ...context, paused$: of(false) }),
      ).pipe(filter(() => !isPaused))
    }
    expect(await redOf({ messages })).toEqual(['waits while it is paused, and loses nothing'])
  })

  test('tells of one that resumes from the newest record of all, and only of a topic of several partitions', async () => {
    const unevenly = 'loses and doubles nothing when its partitions were acknowledged unevenly'
    expect(await redOf({ written: upToTheNewest })).toEqual([unevenly])
    const ofOnePartition = { ...contractOf({ ...healthy, written: upToTheNewest }), partitions: 1 }
    expect(await namesOfRed(sourceContract(ofOnePartition))).toEqual([])
    expect(sourceContract(ofOnePartition).map(({ name }) => name)).toContain(
      'goes on at one place, which no partition can be behind',
    )
  })

  test('tells of one that resumes from where the last partition is, and drops nothing', async () => {
    expect(await redOf({ written: upToTheSmallestOfTheNewest })).toContain(
      'loses and doubles nothing when its partitions were acknowledged unevenly',
    )
  })

  test('is kept where records have no keys, and red where all have the same, which could show nothing', async () => {
    const keyed = (key: string | null) =>
      namesOfRed(sourceContract({ ...contractOf(healthy), record: (value) => ({ key, value }) }))
    expect(await keyed(null)).toEqual([])
    expect(await keyed('all')).toEqual([
      'loses and doubles nothing when its partitions were acknowledged unevenly',
    ])
  })

  test.each([
    ['fails with an error that would end the program', throwError(() => new Error('reset'))],
    ['completes, as if nothing more could come', EMPTY],
    ['says nothing, and nothing more comes', NEVER],
  ])('tells of one that %s when its connection breaks', async (_, then) => {
    const messages: Parts['messages'] = (...args) => healthy.messages(...args).pipe(catchError(() => then))
    expect(await redOf({ messages })).toEqual(['says that its connection broke, and loses nothing'])
  })

  test('leaves out what there is not, and is red where nobody said so', async () => {
    const open = () => {
      const { sendUndecodable: _, breakConnection: __, ...plain } = numbersOf(healthy)
      return plain
    }
    const options = { ...contractOf(healthy), open }
    const names = sourceContract(options).map(({ name }) => name)
    const rest = sourceContract({ ...options, without: ['undecodable', 'connection'] })
    expect(names.length - rest.length).toBe(2)
    expect(await namesOfRed(sourceContract(options))).toEqual(
      names.filter((name) => rest.every((check) => check.name !== name)),
    )
  })

  describe('is kept by one that goes on at its position, which', () => {
    const position = (value: number) => value + 1
    const written: Parts['written'] = async (context) =>
      upTo(typeof context.position === 'number' ? context.position - 1 : -1)
    testAll(sourceContract({ ...contractOf({ ...healthy, written }), position }))
  })

  describe('is kept by one that acknowledges, which', () =>
    testAll(
      sourceContract({ ...contractOf(healthy), open: () => queueOf(acknowledging), acknowledges: true }),
    ))

  test('tells of one that acknowledges what it has only emitted', async () => {
    const atOnce: Acknowledge = ({ emitted$, forget }) => emitted$.pipe(tap(forget))
    const checks = sourceContract({ ...contractOf(healthy), open: () => queueOf(atOnce), acknowledges: true })
    expect(await namesOfRed(checks)).toEqual([
      'emits again what it has emitted and its topic does not have',
      'acknowledges what is in its topic, and nothing else',
    ])
  })
})
