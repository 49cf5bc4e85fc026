import type { OperatorFunction } from 'rxjs'
import type { Change } from '../records/change.ts'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachUpdate, type OperatorContext, standalone } from './operator.ts'

/** Which group a row is in. */
export interface RegroupOptions<K, V, K2, V2> {
  /** The row's group, and its value there; null: it is in none. */
  readonly mapper: (value: V, key: K) => readonly [key: K2 | null, value: V2 | null]
  /** Whether two keys are one group. */
  readonly sameKey: (a: K2, b: K2) => boolean
  /** Whether updates that are not the newest of their key are passed over: a versioned table. */
  readonly versioned: boolean
}

/**
 * Turns updates of rows into changes of the groups that the mapper puts them in: first the old value leaves, then the
 * new one enters; in one step if the group stays. A null key or value is in no group. Source: Kafka Streams
 * `KTable.groupBy`.
 *
 * @example
 * ```ts
 * users$.pipe(
 *   upsert({ store: users }),
 *   regroup({ mapper: (name, id) => [name.slice(0, 1), id], sameKey: (a, b) => a === b, versioned: false }),
 * )
 * ```
 */
export function regroup<K, V, K2, V2>(
  { mapper, sameKey, versioned }: RegroupOptions<K, V, K2, V2>,
  context: OperatorContext = standalone(),
): OperatorFunction<TableChunk<K, V>, Chunk<K2, Change<V2>>> {
  const place = (value: V | null, key: K): readonly [key: K2, value: V2] | undefined => {
    if (value === null) return undefined
    const [group, grouped] = mapper(value, key)
    return group === null || grouped === null ? undefined : [group, grouped]
  }
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K2, Change<V2>>(chunk)
    eachUpdate(context, chunk, (i, key, value, oldValue) => {
      if (versioned && chunk.latest?.[i] === false) return
      const entered = place(value, key)
      const left = place(oldValue, key)
      if (left && entered && sameKey(left[0], entered[0])) {
        out.push(i, entered[0], { oldValue: left[1], newValue: entered[1] })
        return
      }
      if (left) out.push(i, left[0], { oldValue: left[1], newValue: null })
      if (entered) out.push(i, entered[0], { oldValue: null, newValue: entered[1] })
    })
    return out.build()
  })
}
