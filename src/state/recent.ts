/** The last things that were asked for, between `max` and twice as many of them: the older half goes at once. */
export class Recent<K, V> {
  readonly #max: number
  #newer = new Map<K, V>()
  #older = new Map<K, V>()

  constructor(max: number) {
    this.#max = max
  }

  get(key: K): V | undefined {
    const newer = this.#newer.get(key)
    if (newer !== undefined) return newer
    const older = this.#older.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: K, value: V): void {
    if (this.#newer.size >= this.#max) {
      this.#older = this.#newer
      this.#newer = new Map()
    }
    this.#newer.set(key, value)
  }

  clear(): void {
    if (this.#newer.size === 0) return
    this.#newer = new Map()
    this.#older = new Map()
  }
}
