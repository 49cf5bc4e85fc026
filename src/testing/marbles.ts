import { deepStrictEqual } from 'node:assert/strict'
import { type RunHelpers, TestScheduler } from 'rxjs/testing'
import type { Topology } from '../stream/topology.ts'
import { type Driven, type DriveOptions, drive } from './drive.ts'

/** RxJS's own helpers, and a topology among them. */
export interface MarbleHelpers extends RunHelpers {
  /** Runs a topology under the diagrams' time: see `drive`. */
  drive(topology: Topology, options?: DriveOptions): Driven
}

/**
 * Runs a test in virtual time, with RxJS's marble diagrams for what goes in and what comes out: one character a
 * millisecond, `9s` or `500ms` for longer. Throws where the expectations are not met. Source: RxJS `TestScheduler.run`.
 *
 * @example
 * ```ts
 * marbles(({ hot, drive, expectObservable }) => {
 *   const lines = hot('a 59s b', { a: 'so', b: 'much' })
 *   const copied = topology('copy', ({ source }) => {
 *     source('lines', lines).batch({ rowsMax: 10, waitMsMax: 1_000 }).to('to the shelf', shelf)
 *   })
 *   expectObservable(drive(copied).sink('to the shelf')).toBe('1s a 59s b', { a: ['so'], b: ['much'] })
 * })
 * ```
 */
export function marbles<T>(test: (helpers: MarbleHelpers) => T): T {
  const scheduler = new TestScheduler((actual, expected) => deepStrictEqual(actual, expected))
  return scheduler.run((helpers) => test({ ...helpers, drive }))
}
