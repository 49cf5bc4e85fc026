import { shown } from '../shown.ts'
import { decodeFailed, encodeFailed } from './failures.ts'
import type { Serde } from './serde.ts'

const fits = (value: number) => Number.isInteger(value) && (value | 0) === value

/** A signed 32-bit integer, big-endian, as Kafka's `IntegerSerializer`. */
export const int32: Serde<number> = {
  name: 'int32',
  serialize(value) {
    if (!fits(value)) throw encodeFailed('int32', `${shown(value)} is no whole number of 32 bits`)
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeInt32BE(value)
    return bytes
  },
  deserialize(bytes) {
    if (bytes.length !== 4) throw decodeFailed('int32', `it has ${bytes.length} bytes, not 4`)
    return bytes.readInt32BE()
  },
  fromText(text) {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (!fits(value)) throw decodeFailed('int32', `${shown(text)} is no whole number of 32 bits`)
    return value
  },
}
