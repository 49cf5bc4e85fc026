import { concat, defer, EMPTY, from, map, type Observable, takeWhile } from 'rxjs'
import type { Fetched, Kafka, ReadRange, TopicPartition } from '../kafka/types.ts'

/**
 * As `kafka.read`, and emits what it has read when `prepare` has resolved, at once where that answers undefined. While
 * it waits, nothing more is read: reading is given up and begun anew behind, so that nothing piles up. Errors with what
 * `prepare` throws or rejects with, too.
 */
export function readPrepared(
  kafka: Pick<Kafka, 'read'>,
  of: TopicPartition,
  range: ReadRange,
  prepare: (fetched: Fetched) => Promise<unknown> | undefined,
): Observable<Fetched> {
  return defer(() => {
    let waiting: { readonly fetched: Fetched; readonly ready: Promise<unknown> } | undefined
    const reading = kafka.read(of.topic, of.partition, range).pipe(
      takeWhile((fetched) => {
        const ready = prepare(fetched)
        waiting = ready && { fetched, ready }
        return waiting === undefined
      }),
    )
    const rest = defer(() => {
      if (!waiting) return EMPTY
      const { fetched, ready } = waiting
      const fromOffset = fetched.nextOffset
      return concat(
        from(ready).pipe(map(() => fetched)),
        readPrepared(kafka, of, { ...range, fromOffset }, prepare),
      )
    })
    return concat(reading, rest)
  })
}
