const questionsMax = 64

/** What was read of a table that stands at one version, for all who ask the same of it; a failure is not kept. */
export class ReadOnce<T> {
  readonly #known = new Map<string, Promise<T>>()
  #version = ''

  get(version: string, question: readonly unknown[], read: () => Promise<T>): Promise<T> {
    if (version !== this.#version || this.#known.size >= questionsMax) this.#known.clear()
    this.#version = version
    const key = JSON.stringify(question)
    const known = this.#known.get(key)
    if (known) return known
    const asked = read()
    this.#known.set(key, asked)
    asked.catch(() => {
      if (this.#known.get(key) === asked) this.#known.delete(key)
    })
    return asked
  }
}
