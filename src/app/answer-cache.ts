import { createHash } from 'node:crypto'

export interface Answer {
  readonly json: string
  readonly etag: string
}

interface Entry {
  readonly version: string
  readonly answer: Promise<Answer>
  bytes: number
}

/**
 * Answers by question, each good for one version of the data. The same question at the same version is asked once,
 * however many ask at the same time. The least recently used go first when `bytesMax` is passed.
 */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>()
  readonly #bytesMax: number
  #bytes = 0

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#bytesMax = bytesMax
  }

  get(question: string, version: string, ask: () => Promise<string>): Promise<Answer> {
    const known = this.#entries.get(question)
    if (known) this.#drop(question, known)
    if (known?.version === version) {
      this.#keep(question, known)
      return known.answer
    }
    const entry: Entry = { version, answer: ask().then(answerOf), bytes: question.length }
    this.#keep(question, entry)
    entry.answer.then(
      ({ json }) => {
        if (this.#entries.get(question) !== entry) return
        this.#drop(question, entry)
        entry.bytes += json.length
        if (entry.bytes <= this.#bytesMax / 4) this.#keep(question, entry)
      },
      () => {
        if (this.#entries.get(question) === entry) this.#drop(question, entry)
      },
    )
    return entry.answer
  }

  #keep(question: string, entry: Entry): void {
    this.#entries.set(question, entry)
    this.#bytes += entry.bytes
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) break
      this.#entries.delete(oldest)
      this.#bytes -= bytes
    }
  }

  #drop(question: string, entry: Entry): void {
    this.#entries.delete(question)
    this.#bytes -= entry.bytes
  }
}

export function answerOf(json: string): Answer {
  return { json, etag: `"${createHash('sha1').update(json).digest('base64url')}"` }
}
