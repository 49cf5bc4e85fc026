const strangeNumbers = [
  0,
  1,
  2,
  7,
  8,
  127,
  128,
  255,
  256,
  32_767,
  32_768,
  65_535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
]

/** What an input is made with. */
export class Dice {
  readonly random: () => number

  constructor(random: () => number) {
    this.random = random
  }

  /** Below `limit`. */
  int(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** So often, of 1. */
  chance(share: number): boolean {
    return this.random() < share
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[this.int(list.length)] as T
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(256)))
  }

  list<T>(lengthMax: number, item: () => T): T[] {
    return Array.from({ length: this.int(lengthMax + 1) }, item)
  }

  /** The same with some of it changed: bits, bytes, numbers, its length; now and then something else altogether. */
  mutated(bytes: Buffer): Buffer {
    let mutant: Buffer = Buffer.from(bytes)
    for (let times = 1 + this.int(3); times > 0; times--) mutant = this.#mutatedOnce(mutant)
    return mutant
  }

  #mutatedOnce(bytes: Buffer): Buffer {
    const at = this.int(bytes.length + 1)
    const to = Math.min(bytes.length, at + this.int(64))
    switch (this.int(8)) {
      case 0:
        return bytes.subarray(0, at)
      case 1:
        return Buffer.concat([bytes.subarray(0, at), this.bytes(this.int(16)), bytes.subarray(at)])
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
      case 3:
        return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])
      case 4:
        return this.chance(0.1) ? this.bytes(this.int(200)) : bytes.fill(0, at, to)
      case 5:
        if (at + 4 <= bytes.length) bytes.writeUInt32BE(this.pick(strangeNumbers), at)
        return bytes
      case 6:
        if (at < bytes.length) bytes[at] = this.int(256)
        return bytes
      default:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << this.int(8))
        return bytes
    }
  }
}
