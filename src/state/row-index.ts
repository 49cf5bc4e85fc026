const partsCount = 64
const partShift = 26
const slotsMin = 16
/** Fuller than that, a part gets twice as many slots: chains stay short. */
const fillMax = 0.75

/**
 * Where in a log the row of each key lies, by the hash of the key: 12 bytes a slot, outside of the heap. Two keys may have
 * one hash, so who looks for a key looks at the row that is there. Its parts grow one at a time, so that no step of
 * it takes long.
 */
export class RowIndex {
  readonly #parts = Array.from({ length: partsCount }, () => new Part())
  #size = 0

  /** How many rows it knows. */
  get size(): number {
    return this.#size
  }

  /** The first position under this hash that `accepts` takes; undefined: none. */
  find(hash: number, accepts: (position: number) => boolean): number | undefined {
    return this.#part(hash).find(hash, accepts)
  }

  has(hash: number, position: number): boolean {
    return this.#part(hash).slotOf(hash, position) !== undefined
  }

  /** A row that is not there yet, at a position other than 0. */
  add(hash: number, position: number): void {
    this.#part(hash).add(hash, position)
    this.#size++
  }

  /** The row lies somewhere else now; false: it was not there. */
  move(hash: number, from: number, to: number): boolean {
    return this.#part(hash).move(hash, from, to)
  }

  /** False: it was not there. */
  remove(hash: number, position: number): boolean {
    const removed = this.#part(hash).remove(hash, position)
    if (removed) this.#size--
    return removed
  }

  #part(hash: number): Part {
    return this.#parts[hash >>> partShift] as Part
  }
}

/** A table with open addressing: a row stands in the first free slot from the one that its hash says. */
class Part {
  #hashes = new Uint32Array(slotsMin)
  /** 0: the slot is free. */
  #positions = new Float64Array(slotsMin)
  #size = 0

  find(hash: number, accepts: (position: number) => boolean): number | undefined {
    const [hashes, positions] = [this.#hashes, this.#positions]
    const mask = hashes.length - 1
    for (let slot = hash & mask; positions[slot] !== 0; slot = (slot + 1) & mask) {
      if (hashes[slot] !== hash) continue
      const position = positions[slot] as number
      if (accepts(position)) return position
    }
    return undefined
  }

  slotOf(hash: number, position: number): number | undefined {
    const positions = this.#positions
    const mask = positions.length - 1
    for (let slot = hash & mask; positions[slot] !== 0; slot = (slot + 1) & mask) {
      if (positions[slot] === position) return slot
    }
    return undefined
  }

  add(hash: number, position: number): void {
    if (this.#size >= this.#positions.length * fillMax) this.#grow()
    this.#place(hash, position)
    this.#size++
  }

  move(hash: number, from: number, to: number): boolean {
    const slot = this.slotOf(hash, from)
    if (slot === undefined) return false
    this.#positions[slot] = to
    return true
  }

  remove(hash: number, position: number): boolean {
    let hole = this.slotOf(hash, position)
    if (hole === undefined) return false
    const [hashes, positions] = [this.#hashes, this.#positions]
    const mask = hashes.length - 1
    // What stands behind it, and belongs at or before it, moves up: no chain may have a hole.
    for (let slot = (hole + 1) & mask; positions[slot] !== 0; slot = (slot + 1) & mask) {
      const home = (hashes[slot] as number) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      hashes[hole] = hashes[slot] as number
      positions[hole] = positions[slot] as number
      hole = slot
    }
    positions[hole] = 0
    this.#size--
    return true
  }

  #place(hash: number, position: number): void {
    const mask = this.#positions.length - 1
    let slot = hash & mask
    while (this.#positions[slot] !== 0) slot = (slot + 1) & mask
    this.#hashes[slot] = hash
    this.#positions[slot] = position
  }

  #grow(): void {
    const [hashes, positions] = [this.#hashes, this.#positions]
    this.#hashes = new Uint32Array(hashes.length * 2)
    this.#positions = new Float64Array(positions.length * 2)
    for (let slot = 0; slot < positions.length; slot++) {
      const position = positions[slot] as number
      if (position !== 0) this.#place(hashes[slot] as number, position)
    }
  }
}

/** Spreads keys evenly over 32 bits. Source: FNV-1a, finished as in MurmurHash3. */
export function hashOf(bytes: Buffer, from = 0, end = bytes.length): number {
  let hash = 0x811c9dc5
  for (let at = from; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
