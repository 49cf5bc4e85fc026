import { deepStrictEqual } from 'node:assert/strict'
import { type RunHelpers, TestScheduler } from 'rxjs/testing'
import type { Topology } from '../stream/topology.ts'
import { type Driven, type DriveOptions, drive } from './drive.ts'

export interface MarbleHelpers extends RunHelpers {
  /** Runs a topology under the diagrams' time: see `drive`. */
  drive(topology: Topology, options?: DriveOptions): Driven
}

/**
 * Runs a test in virtual time, with RxJS's marble diagrams for what goes in and what comes out: one character a
 * millisecond, `9s` or `500ms` for longer. Throws where the expectations are not met. Source: RxJS `TestScheduler.run`.
 *
 * ```ts
 * marbles(({ hot, drive, expectObservable }) => {
 *   const orders = hot('a 59s b', { a: order(1), b: order(2) })
 *   const { sink } = drive(shop(orders))
 *   expectObservable(sink('orders to ClickHouse')).toBe('1s a 59s b', { a: [order(1)], b: [order(2)] })
 * })
 * ```
 */
export function marbles<T>(test: (helpers: MarbleHelpers) => T): T {
  const scheduler = new TestScheduler((actual, expected) => deepStrictEqual(actual, expected))
  return scheduler.run((helpers) => test({ ...helpers, drive }))
}
