import { EMPTY, mergeMap, type OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { eachRecord, type OperatorContext, standalone } from './operator.ts'

/** One way out of a split. */
export interface Branch<K, V> {
  /** The branch's name: what `context.emitTo` is given. */
  readonly port: string
  /** Whether a record goes there, if no branch before takes it. */
  readonly predicate: (value: V, key: K) => boolean
}

/**
 * Sends each record to the first branch whose predicate holds; one that fits none is left out, without being counted.
 * Emits on the branches' ports only, `context.emitTo`. Source: Kafka Streams `KStream.split`.
 *
 * @example
 * ```ts
 * const emitTo = (port: string, chunk: Chunk<unknown, unknown>) => console.log(port, chunk.values)
 * clicks$.pipe(split([{ port: 'home', predicate: ({ page }) => page === '/' }], standalone({ emitTo })))
 * ```
 */
export function split<K, V>(
  branches: readonly Branch<K, V>[],
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, never> {
  return mergeMap((chunk) => {
    const outs = branches.map((branch) => ({ ...branch, out: new ChunkBuilder<K, V>(chunk) }))
    eachRecord(context, chunk, (i, key, value) => {
      outs.find(({ predicate }) => predicate(value, key))?.out.push(i, key, value)
    })
    for (const { port, out } of outs) if (out.length > 0) context.emitTo(port, out.build())
    return EMPTY
  })
}
