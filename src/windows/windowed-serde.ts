import { RivuletError } from '../errors.ts'
import { readInt64At, writeInt64 } from '../serdes/int64.ts'
import { preparedAs } from '../serdes/prepared-as.ts'
import type { Serde } from '../serdes/serde.ts'
import type { Windowed } from './windows.ts'

const windowBytes = 16

/** The key, then start and end as 64-bit integers: windows of one key lie in order of start. */
export function windowedSerde<K>(key: Serde<K>): Serde<Windowed<K>> {
  const innerKey = (inner: K) =>
    typeof inner === 'string' ? inner : (key.mapKey?.(inner) ?? key.serialize(inner).toString('latin1'))
  return {
    name: `windowed ${key.name}`,
    serialize(windowed, context) {
      const inner = key.serialize(windowed.key, context)
      const bytes = Buffer.allocUnsafe(inner.length + windowBytes)
      inner.copy(bytes)
      writeInt64(bytes, windowed.startMs, inner.length)
      writeInt64(bytes, windowed.endMs, inner.length + 8)
      return bytes
    },
    mapKey: ({ key: inner, startMs, endMs }) => `${startMs} ${endMs} ${innerKey(inner)}`,
    deserialize(bytes, context) {
      const at = bytes.length - windowBytes
      if (at < 0)
        throw new RivuletError(
          'DECODE_FAILED',
          `not a windowed ${key.name}: it has ${bytes.length} bytes, less than ${windowBytes}`,
        )
      const startMs = readInt64At(bytes, at)
      const endMs = readInt64At(bytes, at + 8)
      if (!Number.isSafeInteger(startMs) || !Number.isSafeInteger(endMs))
        throw new RivuletError('DECODE_FAILED', `not a windowed ${key.name}: its times are beyond 2^53`)
      return { key: key.deserialize(bytes.subarray(0, at), context), startMs, endMs }
    },
    ...preparedAs(key, (bytes) => (bytes.length < windowBytes ? [] : [bytes.subarray(0, -windowBytes)])),
  }
}
