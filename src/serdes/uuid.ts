import { shown } from '../shown.ts'
import { decodeFailed, encodeFailed } from './failures.ts'
import type { Serde } from './serde.ts'

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A UUID as text in UTF-8, as Kafka's `UUIDSerializer`; in lower case, as Java writes it, so that equal ones are equal bytes. */
export const uuid: Serde<string> = {
  name: 'uuid',
  serialize(value) {
    if (!uuidPattern.test(value)) throw encodeFailed('uuid', `${shown(value)} is none`)
    return Buffer.from(value.toLowerCase(), 'latin1')
  },
  deserialize: (bytes) => uuidOf(bytes.toString('latin1')),
  fromText: uuidOf,
}

function uuidOf(text: string): string {
  if (!uuidPattern.test(text)) throw decodeFailed('uuid', `${shown(text)} is none`)
  return text.toLowerCase()
}
