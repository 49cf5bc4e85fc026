import type { Instruction, Subscription, SubscriptionResponse } from '../records/foreign-key-messages.ts'
import { int64, joinParts, readInt64, splitParts } from './parts.ts'
import { preparedAs } from './prepared-as.ts'
import type { Serde } from './serde.ts'

/** Their places in this list are their bytes: add at the end only. */
const instructions: readonly Instruction[] = ['answer', 'answer-if-found', 'delete-and-answer', 'delete']

export function subscriptionSerde<K>(key: Serde<K>): Serde<Subscription<K>> {
  return {
    name: `subscription of ${key.name}`,
    serialize: (value, context) =>
      joinParts(
        Buffer.from([instructions.indexOf(value.instruction)]),
        key.serialize(value.key, context),
        value.hash,
        int64(value.partition),
      ),
    deserialize(bytes, context) {
      const [code, keyBytes, hash, partition] = splitParts(bytes) as [Buffer, Buffer, Buffer, Buffer]
      const instruction = instructions[code[0] ?? 0] ?? 'answer'
      return { instruction, key: key.deserialize(keyBytes, context), hash, partition: readInt64(partition) }
    },
    ...preparedAs(key, (bytes) => splitParts(bytes).slice(1, 2)),
  }
}

export function responseSerde<R>(value: Serde<R>): Serde<SubscriptionResponse<R>> {
  return {
    name: `answer of ${value.name}`,
    serialize: (response, context) =>
      joinParts(
        response.hash,
        int64(response.partition),
        ...(response.value === null ? [] : [value.serialize(response.value, context)]),
      ),
    deserialize(bytes, context) {
      const [hash, partition, valueBytes] = splitParts(bytes) as [Buffer, Buffer, Buffer | undefined]
      return {
        hash,
        value: valueBytes === undefined ? null : value.deserialize(valueBytes, context),
        partition: readInt64(partition),
      }
    },
    ...preparedAs(value, (bytes) => splitParts(bytes).slice(2)),
  }
}
