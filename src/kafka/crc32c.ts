// Eight tables, so that eight bytes are folded at a time ("slicing by 8"): about 5 times the plain table.
const [t0, t1, t2, t3, t4, t5, t6, t7] = makeTables()

/**
 * CRC-32C (Castagnoli) of `bytes[start, end)`, unsigned; of all that `before` is the CRC of and then these, if it is given.
 * Not zlib's `crc32`, which is another polynomial.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  let crc = ~before
  let i = start
  for (const last = end - 8; i <= last; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < end; i++) crc = t0[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTables() {
  const empty = () => new Int32Array(256)
  const made = [empty(), empty(), empty(), empty(), empty(), empty(), empty(), empty()] as const
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    made[0][byte] = crc
  }
  for (let i = 1; i < 8; i++) {
    const [before, after] = [made[i - 1]!, made[i]!]
    for (let byte = 0; byte < 256; byte++)
      after[byte] = made[0][before[byte]! & 0xff]! ^ (before[byte]! >>> 8)
  }
  return made
}
