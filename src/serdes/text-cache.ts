const textBytesMax = 16
const slotsMin = 256
const slotsMax = 65_536
const growth = 4

/**
 * Short ASCII texts come again and again (keys, names of states): finding one costs less than making it, and whoever looks
 * for it in a map later finds it by identity. It grows while texts push each other out.
 */
export class TextCache {
  #texts: (string | undefined)[] = new Array(slotsMin)
  #pushedOut = 0

  /** The text of bytes that are all ASCII. */
  read(bytes: Buffer, from: number, end: number): string {
    const length = end - from
    if (length > textBytesMax) return bytes.toString('latin1', from, end)
    let hash = length
    for (let at = from; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
    const slot = (hash ^ (hash >>> 15)) & (this.#texts.length - 1)
    const cached = this.#texts[slot]
    if (cached !== undefined && cached.length === length) {
      let i = 0
      while (i < length && cached.charCodeAt(i) === bytes[from + i]) i++
      if (i === length) return cached
    }
    const text = bytes.toString('latin1', from, end)
    this.#texts[slot] = text
    if (cached !== undefined && ++this.#pushedOut > this.#texts.length) this.#grow()
    return text
  }

  /** What it held comes again, or is not missed. */
  #grow(): void {
    this.#pushedOut = 0
    if (this.#texts.length < slotsMax) this.#texts = new Array(this.#texts.length * growth)
  }
}
