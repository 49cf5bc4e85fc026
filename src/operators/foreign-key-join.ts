import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { Instruction, Subscription, SubscriptionResponse } from '../records/foreign-key-messages.ts'
import type { Serde } from '../serdes/serde.ts'
import type { RowReader } from '../state/row-reader.ts'
import type { StoreSpec } from '../state/store.ts'
import type { SubscriptionStore } from '../state/subscription-store.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { fingerprint } from './fingerprint.ts'
import { chunkOperator, eachRecord, eachUpdate, type OperatorContext, standalone } from './operator.ts'

/** Of the first step of a foreign-key join. */
export interface SubscribeOptions<K, L, FK> {
  /** Which right row a left one names; null: none. */
  readonly foreignKey: (value: L, key: K) => FK | null
  /** Whether two foreign keys are one. */
  readonly sameKey: (a: FK, b: FK) => boolean
  /** Makes the fingerprint of a left value, by which an answer is told from one that is out of date. */
  readonly left: Serde<L>
  /** Whether left rows without a right one have a result. */
  readonly outer: boolean
  /** Whether updates that are not the newest of their key are dropped: a versioned left table. */
  readonly versioned: boolean
}

/**
 * First step of a foreign-key join, where the left rows are: tells the right rows which left rows name them. In an
 * inner join a row without a foreign key is dropped. Source: Kafka Streams' `SubscriptionSendProcessorSupplier`.
 */
export function subscribeForeignKey<K, L, FK>(
  { foreignKey, sameKey, left, outer, versioned }: SubscribeOptions<K, L, FK>,
  context: OperatorContext = standalone(),
): OperatorFunction<TableChunk<K, L>, Chunk<FK | null, Subscription<K>>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<FK | null, Subscription<K>>(chunk)
    eachUpdate(context, chunk, (i, key, value, before) => {
      if (versioned && chunk.latest?.[i] === false) return context.drop(chunk, i, 'out-of-order')
      if (value === null && before === null) return
      const oldKey = before === null ? null : foreignKey(before, key)
      const newKey = value === null ? null : foreignKey(value, key)
      const stays = oldKey !== null && newKey !== null && sameKey(oldKey, newKey)
      const hash = fingerprint(left, value)
      const send = (to: FK | null, instruction: Instruction) =>
        out.push(i, to, { instruction, key, hash, partition: chunk.partition })
      if (outer) {
        if (oldKey !== null && !stays) send(oldKey, 'delete')
        // A left join has an answer to everything, a deletion included.
        send(newKey, 'answer')
        return
      }
      if (newKey === null) {
        if (value !== null) context.drop(chunk, i, 'null-foreign-key')
        if (oldKey !== null) send(oldKey, 'delete-and-answer')
        return
      }
      if (oldKey !== null && !stays) send(oldKey, 'delete')
      // Only a row that had another foreign key may have a result to take back.
      send(newKey, oldKey === null || stays ? 'answer-if-found' : 'answer')
    })
    return out.build()
  })
}

/** Of the second step of a foreign-key join. */
export interface AnswerOptions<FK, K, R> {
  /** Who has named which row. */
  readonly subscriptions: StoreSpec<SubscriptionStore<FK, K>>
  /** Looks up the right rows. */
  readonly right: (context: OperatorContext) => RowReader<FK, R>
  /** Whether updates that are not the newest of their key are dropped: a versioned right table. */
  readonly versioned: boolean
}

/**
 * Second step, where the right rows are: keeps who named which row, answers each subscription, and tells every
 * subscriber when the row changes, in order of their serialized keys. The answer is an operator for the subscriptions
 * and one for the right table. Source: Kafka Streams' `SubscriptionJoinProcessorSupplier`,
 * `ForeignTableJoinProcessorSupplier`.
 */
export function answerForeignKey<FK, K, R>(
  { subscriptions, right, versioned }: AnswerOptions<FK, K, R>,
  context: OperatorContext = standalone(),
): readonly [
  subscriptions: OperatorFunction<Chunk<FK | null, Subscription<K>>, Chunk<K, SubscriptionResponse<R>>>,
  right: OperatorFunction<TableChunk<FK, R>, Chunk<K, SubscriptionResponse<R>>>,
] {
  return [
    chunkOperator(() => {
      const store = context.store(subscriptions)
      const rows = right(context)
      return (chunk) => {
        const out = new ChunkBuilder<K, SubscriptionResponse<R>>(chunk)
        eachRecord(context, chunk, (i, foreignKey, subscription, askedMs) => {
          const { instruction, key, hash, partition } = subscription
          const isDeletion = instruction === 'delete' || instruction === 'delete-and-answer'
          if (foreignKey !== null) {
            if (isDeletion) store.delete(foreignKey, key)
            else store.put(foreignKey, { key, hash, partition })
          }
          const row = foreignKey === null ? undefined : rows.row(foreignKey)
          if (instruction === 'delete' || (instruction === 'answer-if-found' && !row)) return
          const timestampMs = Math.max(askedMs, row?.timestampMs ?? 0)
          const value = row && !isDeletion ? row.value : null
          out.push(i, key, { hash, value, partition }, timestampMs)
        })
        return out.build()
      }
    }),
    chunkOperator(() => {
      const store = context.store(subscriptions)
      return (chunk) => {
        const out = new ChunkBuilder<K, SubscriptionResponse<R>>(chunk)
        eachRecord(context, chunk, (i, foreignKey, value) => {
          if (versioned && chunk.latest?.[i] === false) return context.drop(chunk, i, 'out-of-order')
          for (const { key, hash, partition } of store.subscribers(foreignKey)) {
            out.push(i, key, { hash, value, partition })
          }
        })
        return out.build()
      }
    }),
  ]
}

/** Of the last step of a foreign-key join. */
export interface RespondOptions<K, L, R, J> {
  /** Looks up the left rows. */
  readonly rows: (context: OperatorContext) => RowReader<K, L>
  /** The same as in the first step: it makes the fingerprint again. */
  readonly left: Serde<L>
  /** Makes the result; null: no row. */
  readonly joiner: (left: L | null, right: R | null, key: K) => J | null
  /** Whether left rows without a right one have a result. */
  readonly outer: boolean
}

/**
 * Last step, where the left rows are again: makes the result, unless the left row has changed since it asked; then
 * another answer is under way. Source: Kafka Streams' `ResponseJoinProcessorSupplier`.
 */
export function respondForeignKey<K, L, R, J>(
  { rows, left, joiner, outer }: RespondOptions<K, L, R, J>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, SubscriptionResponse<R>>, Chunk<K, J | null>> {
  return chunkOperator(() => {
    const table = rows(context)
    return (chunk) => {
      const out = new ChunkBuilder<K, J | null>(chunk)
      eachRecord(context, chunk, (i, key, { hash, value }) => {
        const row = table.row(key)?.value ?? null
        if (!fingerprint(left, row).equals(hash)) return
        const isNothing = row === null || (value === null && !outer)
        out.push(i, key, isNothing ? null : joiner(row, value, key))
      })
      return out.build()
    }
  })
}
