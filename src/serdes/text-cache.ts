const cachedTextBytesMax = 16
const cachedTexts = 256

/** Short ASCII texts come again and again (keys, names of states): finding one costs less than making it. */
export class TextCache {
  readonly #texts: (string | undefined)[] = new Array(cachedTexts)

  /** The text of bytes that are all ASCII. */
  read(bytes: Buffer, from: number, end: number): string {
    const length = end - from
    if (length > cachedTextBytesMax) return bytes.toString('latin1', from, end)
    let slot = length
    for (let at = from; at < end; at++) slot = (slot * 31 + (bytes[at] as number)) % cachedTexts
    const cached = this.#texts[slot]
    if (cached !== undefined && cached.length === length) {
      let i = 0
      while (i < length && cached.charCodeAt(i) === bytes[from + i]) i++
      if (i === length) return cached
    }
    const text = bytes.toString('latin1', from, end)
    this.#texts[slot] = text
    return text
  }
}
