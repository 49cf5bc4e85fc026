import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import type { JoinStore } from '../state/join-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { JoinSide, Unmatched, UnmatchedStore } from '../state/unmatched-store.ts'
import type { JoinWindow } from '../windows/join-window.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/** What is joined, how near in time, and where records wait. */
export interface StreamJoinOptions<K, L, R, J> {
  /** How near in time two records must be. */
  readonly window: JoinWindow
  /** Makes the result; null on an outer side: no match. */
  readonly joiner: (left: L | null, right: R | null, key: K | null) => J
  /** The left records that wait; its retention is before plus after plus grace. */
  readonly left: StoreSpec<JoinStore<K, L>>
  /** The right records that wait; its retention is before plus after plus grace. */
  readonly right: StoreSpec<JoinStore<K, R>>
  /** Sides whose records give a result without a match, and where they wait for one; absent: an inner join. */
  readonly outer?: {
    /** Whether left records without a match have a result. */
    readonly left: boolean
    /** Whether right records without a match have a result. */
    readonly right: boolean
    /** Records that have found no match yet. */
    readonly unmatched: StoreSpec<UnmatchedStore<K, L, R>>
  }
}

/** What one side of the join works with. */
interface Side<K, This, Other, J> {
  readonly side: JoinSide
  readonly own: StoreSpec<JoinStore<K, This>>
  readonly others: StoreSpec<JoinStore<K, Other>>
  /** The other side's timestamp is in `[ts − beforeMs, ts + afterMs]`. */
  readonly beforeMs: number
  readonly afterMs: number
  readonly outer: boolean
  readonly join: (value: This, other: Other | null, key: K | null) => J
}

/**
 * Joins records of two streams that have the same key and are near each other in time: the right timestamp in
 * `[left − beforeMs, left + afterMs]`. The result has the larger timestamp; the matches of one record come in order of
 * theirs. Nothing is late: each side's store forgets what is older than its newest record by before + after + grace,
 * and what is left joins. The answer is an operator for each side; both share one stream time.
 *
 * Unmatched records of an outer side come with their own timestamp, in order of it, once stream time is past
 * `ts + afterMs + graceMs` (a right record: `ts + beforeMs + graceMs`) and a record in order looks at them; a record
 * for which it is past already, without grace, at once. A null value is dropped. A null key is dropped, or on an outer
 * side passed at once. Source: Kafka Streams `KStream.join`, `leftJoin`, `outerJoin`.
 *
 * @example
 * ```ts
 * const side = (name: string) =>
 *   joinStore({ name, key: serdes.string, value: serdes.string, retentionMs: 2_000 })
 * const joiner = (left: string | null, right: string | null) => `${left} ${right}`
 * const [left, right] = streamJoin({ window: within({ ms: 1_000 }), joiner, left: side('left'), right: side('right') })
 * merge(left$.pipe(left), right$.pipe(right))
 * ```
 */
export function streamJoin<K, L, R, J>(
  options: StreamJoinOptions<K, L, R, J>,
  context: OperatorContext = standalone(),
): readonly [
  left: OperatorFunction<Chunk<K | null, L | null>, Chunk<K | null, J>>,
  right: OperatorFunction<Chunk<K | null, R | null>, Chunk<K | null, J>>,
] {
  const { window, joiner, left, right, outer } = options
  const { beforeMs, afterMs } = window
  const look = outer && lookAtUnmatched(options, outer.unmatched, context)
  return [
    oneSide(
      {
        side: 'left',
        own: left,
        others: right,
        beforeMs,
        afterMs,
        outer: outer?.left ?? false,
        join: (value, other, key) => joiner(value, other, key),
      },
      look,
      context,
    ),
    oneSide(
      {
        side: 'right',
        own: right,
        others: left,
        beforeMs: afterMs,
        afterMs: beforeMs,
        outer: outer?.right ?? false,
        join: (value, other, key) => joiner(other, value, key),
      },
      look,
      context,
    ),
  ]
}

interface Look<K, J> {
  readonly unmatched: () => UnmatchedStore<K, unknown, unknown>
  /** Emits what can't be matched any more. */
  at(chunk: ChunkBuilder<K | null, J>, i: number, afterMs: number): void
}

function oneSide<K, This, Other, J>(
  { side, own: ownSpec, others: othersSpec, beforeMs, afterMs, outer, join }: Side<K, This, Other, J>,
  look: Look<K, J> | undefined,
  context: OperatorContext,
): OperatorFunction<Chunk<K | null, This | null>, Chunk<K | null, J>> {
  const { streamTime } = context
  const otherSide = side === 'left' ? 'right' : 'left'
  return chunkOperator(() => {
    const own = context.store(ownSpec)
    const others = context.store(othersSpec)
    const unmatched = look?.unmatched()
    return (chunk) => {
      const out = new ChunkBuilder<K | null, J>(chunk)
      eachRecord(context, chunk, (i, key, value, timestampMs) => {
        if (timestampMs > streamTime.ms) streamTime.ms = timestampMs
        if (value === null) return context.drop(chunk, i, 'null-value')
        if (key === null) {
          if (outer) out.push(i, null, join(value, null, null))
          else context.drop(chunk, i, 'null-key')
          return
        }
        own.put(key, value, timestampMs)
        if (timestampMs === streamTime.ms) look?.at(out, i, afterMs)
        // Of a negative span the window may end before the epoch; Kafka Streams looks at the epoch then.
        const untilMs = Math.max(0, timestampMs + afterMs)
        const matches = others.fetch(key, Math.max(0, timestampMs - beforeMs), untilMs)
        for (const match of matches) {
          unmatched?.remove(otherSide, key, match.timestampMs)
          out.push(i, key, join(value, match.value, key), Math.max(timestampMs, match.timestampMs))
        }
        if (matches.length > 0 || !outer || !unmatched) return
        if (untilMs < streamTime.ms) out.push(i, key, join(value, null, key), timestampMs)
        else {
          unmatched.lookedAtMs = Math.min(unmatched.lookedAtMs, timestampMs)
          unmatched.add(side, key, value, timestampMs)
        }
      })
      return out.build()
    }
  })
}

/** Looks through what waits, as seldom as Kafka Streams does: see rule 20 of its semantics. */
function lookAtUnmatched<K, L, R, J>(
  { window, joiner }: StreamJoinOptions<K, L, R, J>,
  spec: StoreSpec<UnmatchedStore<K, L, R>>,
  { streamTime, store, now, emitIntervalMs }: OperatorContext,
): Look<K, J> {
  const afterMs = { left: window.afterMs, right: window.beforeMs }
  const { graceMs } = window
  let nextLookMs = Number.NEGATIVE_INFINITY
  const emit = (
    out: ChunkBuilder<K | null, J>,
    i: number,
    { side, key, timestampMs, values }: Unmatched<K, L | R>,
  ) => {
    for (const value of values) {
      const result = side === 'left' ? joiner(value as L, null, key) : joiner(null, value as R, key)
      out.push(i, key, result, timestampMs)
    }
  }
  return {
    unmatched: () => store(spec),
    at(out, i, lookerAfterMs) {
      const unmatched = store(spec)
      const { lookedAtMs } = unmatched
      // Where nothing waited, Kafka's sum overflows, and it looks all the same, unless it has nothing to add.
      const open =
        lookedAtMs === Number.POSITIVE_INFINITY
          ? lookerAfterMs + graceMs === 0
          : lookedAtMs + lookerAfterMs + graceMs >= streamTime.ms
      if (open || now() < nextLookMs) return
      nextLookMs = now() + emitIntervalMs
      const done: Unmatched<K, L | R>[] = []
      const isOpen = { left: false, right: false }
      unmatched.lookedAtMs = Number.POSITIVE_INFINITY
      for (const waiting of unmatched.all()) {
        unmatched.lookedAtMs = waiting.timestampMs
        if (isOpen.left && isOpen.right) break
        if (waiting.timestampMs + afterMs[waiting.side] + graceMs >= streamTime.ms)
          isOpen[waiting.side] = true
        else {
          emit(out, i, waiting)
          done.push(waiting)
        }
      }
      for (const { side, key, timestampMs } of done) unmatched.remove(side, key, timestampMs)
    },
  }
}
