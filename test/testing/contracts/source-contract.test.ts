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
import { healthy, numbersOf, type Parts } from './fake-server.ts'

function contractOf(parts: Parts): SourceContractOptions<number> {
  return {
    open: () => numbersOf(parts),
    numberOf: (value) => value,
    record: (value) => ({ key: 'number', value }),
    // What is in memory comes at once, or never.
    waitMsMax: 50,
    quietMs: 5,
  }
}

/** What each of them does wrong beside what `healthy` does right. */
const broken: Readonly<Record<string, () => Partial<Parts>>> = {
  'emits each message once, in order': () => ({
    messages: (...args) => healthy.messages(...args).pipe(filter((message) => message !== 3)),
  }),
  'waits while it is paused, and loses nothing': () => ({
    messages: (server, after, context) => healthy.messages(server, after, { ...context, paused$: of(false) }),
  }),
  'goes on where it was after a restart': () => ({ lastNumber: async () => -1 }),
  'emits again what it has emitted and its topic does not have': () => {
    let last = -1
    return {
      lastNumber: async () => last,
      messages: (...args) =>
        healthy.messages(...args).pipe(
          filter((message) => {
            if (message !== 'undecodable') last = message
            return true
          }),
        ),
    }
  },
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
    whole: (last, messages) =>
      new Observable((subscriber) => {
        let listening: Subscription | undefined
        void last.then((after) => {
          listening = messages(after).subscribe({
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
    const messages: Parts['messages'] = (server, after, { paused$, ...context }) => {
      let isPaused = false
      return merge(
        paused$.pipe(
          tap((paused) => {
            isPaused = paused
          }),
          ignoreElements(),
        ),
        healthy.messages(server, after, { ...context, paused$: of(false) }),
      ).pipe(filter(() => !isPaused))
    }
    expect(await redOf({ messages })).toEqual(['waits while it is paused, and loses nothing'])
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
})
