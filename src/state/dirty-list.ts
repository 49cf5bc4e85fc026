/** What it is of itself that an entry is in such a list: asked and told without a look-up. */
export interface Marked {
  dirty: boolean
}

/** Entries that have changed since the changelog heard of them: each once, in the order of their first changes. */
export class DirtyList<E extends Marked> {
  #entries: E[] = []

  mark(entry: E): void {
    if (entry.dirty) return
    entry.dirty = true
    this.#entries.push(entry)
  }

  /** Hands them over, as dirty no longer. */
  take(): readonly E[] {
    const entries = this.#entries
    this.#entries = []
    for (const entry of entries) entry.dirty = false
    return entries
  }
}
