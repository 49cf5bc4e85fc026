import { shown } from '../shown.ts'
import { decodeFailed, encodeFailed } from './failures.ts'
import type { Serde } from './serde.ts'

const fits = (value: bigint) => BigInt.asIntN(64, value) === value

/** A signed 64-bit integer, big-endian, as Kafka's `LongSerializer`; all of them, also those beyond 2^53. */
export const bigint: Serde<bigint> = {
  name: 'bigint',
  serialize(value) {
    if (typeof value !== 'bigint') throw encodeFailed('bigint', `it is of type ${typeof value}`)
    if (!fits(value)) throw encodeFailed('bigint', `${shown(value)} has more than 64 bits`)
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigInt64BE(value)
    return bytes
  },
  deserialize(bytes) {
    if (bytes.length !== 8) throw decodeFailed('bigint', `it has ${bytes.length} bytes, not 8`)
    return bytes.readBigInt64BE()
  },
  fromText(text) {
    if (!/^-?\d+$/.test(text)) throw decodeFailed('bigint', `${shown(text)} is no whole number`)
    const value = BigInt(text)
    if (!fits(value)) throw decodeFailed('bigint', `${shown(value)} has more than 64 bits`)
    return value
  },
}
