import type { Change } from '../records/change.ts'
import { joinParts, splitParts } from './parts.ts'
import { preparedAs } from './prepared-as.ts'
import type { Serde } from './serde.ts'

const oldPart = Buffer.from([0])
const newPart = Buffer.from([1])

/** Which of the two values there is, each with the value's own bytes. */
export function changeSerde<V>(value: Serde<V>): Serde<Change<V>> {
  return {
    name: `change of ${value.name}`,
    serialize({ oldValue, newValue }, context) {
      const old = oldValue === null ? [] : [oldPart, value.serialize(oldValue, context)]
      return joinParts(...old, ...(newValue === null ? [] : [newPart, value.serialize(newValue, context)]))
    },
    deserialize(bytes, context) {
      let change: Change<V> = { oldValue: null, newValue: null }
      const parts = splitParts(bytes)
      for (let i = 0; i + 1 < parts.length; i += 2) {
        const part = value.deserialize(parts[i + 1] as Buffer, context)
        change = parts[i]?.equals(oldPart) ? { ...change, oldValue: part } : { ...change, newValue: part }
      }
      return change
    },
    ...preparedAs(value, (bytes) => splitParts(bytes).filter((_, i) => i % 2 === 1)),
  }
}
