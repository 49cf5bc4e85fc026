const letters = 'abcdefghijklmnopqrstuvwxyz'

/** Numbers and texts that look random, the same ones for the same seed (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1)
  }

  /** In [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  /** True but for one time in so many. */
  isNotOneIn(count: number): boolean {
    return this.below(count) > 0
  }

  oneOf(words: readonly string[]): string {
    return words[this.below(words.length)] ?? ''
  }

  text(length: number): string {
    let text = ''
    for (let i = 0; i < length; i++) text += letters[this.below(letters.length)]
    return text
  }
}
