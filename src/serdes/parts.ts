import { decodeFailed } from './failures.ts'

/** Parts one behind the other, each with its length before it: what was put together is told apart again. */
export function joinParts(...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafe(parts.reduce((length, part) => length + 4 + part.length, 0))
  let at = 0
  for (const part of parts) {
    at = bytes.writeUInt32BE(part.length, at)
    at += part.copy(bytes, at)
  }
  return bytes
}

/** The parts of `joinParts`, which the answer shares its memory with. Throws `DECODE_FAILED` for what it has not made. */
export function splitParts(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const start = at + 4
    const end = start <= bytes.length ? start + bytes.readUInt32BE(at) : start
    if (end > bytes.length) throw decodeFailed('value of several parts', 'it ends within one of them')
    parts.push(bytes.subarray(start, end))
    at = end
  }
  return parts
}

/** A whole number, up to 2^53, in eight bytes. */
export function int64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

export function readInt64(bytes: Buffer): number {
  return Number(bytes.readBigInt64BE())
}
