import { isoMs } from '../iso-time.ts'
import { shown } from '../shown.ts'
import { decodeFailed, encodeFailed } from './failures.ts'
import { readInt64At, writeInt64 } from './int64.ts'
import type { Serde } from './serde.ts'

/** ISO 8601: a day, or a time with its zone; without a zone it would mean something else on each machine. */
const isoPattern = /^[+-]?\d{4,6}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/

/** A point in time as ms since the epoch, a signed 64-bit integer, big-endian, as Kafka's `LongSerializer` writes `Date.getTime()`. */
export const date: Serde<Date> = {
  name: 'date',
  serialize(value) {
    const ms = value instanceof Date ? value.getTime() : Number.NaN
    if (Number.isNaN(ms)) throw encodeFailed('date', `${shown(value)} is no date`)
    const bytes = Buffer.allocUnsafe(8)
    writeInt64(bytes, ms, 0)
    return bytes
  },
  deserialize(bytes) {
    if (bytes.length !== 8) throw decodeFailed('date', `it has ${bytes.length} bytes, not 8`)
    const value = new Date(readInt64At(bytes, 0))
    if (Number.isNaN(value.getTime()))
      throw decodeFailed('date', `${bytes.readBigInt64BE()} ms are beyond all dates`)
    return value
  },
  mapKey: (value) => String(value.getTime()),
  /** ISO 8601, or ms since the epoch. */
  fromText(text) {
    const value = new Date(
      /^-?\d+$/.test(text) ? Number(text) : isoPattern.test(text) ? isoMs(text) : Number.NaN,
    )
    if (Number.isNaN(value.getTime())) throw decodeFailed('date', `${shown(text)} is none`)
    return value
  },
}
