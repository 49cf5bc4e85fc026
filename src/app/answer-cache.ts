import { createHash } from 'node:crypto'

/** A JSON text, with a tag by which a client knows it again. */
export interface Answer {
  /** The body. */
  readonly json: string
  /** With its quotes, as the header has it. */
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
 *
 * @example
 * ```ts
 * const answers = new AnswerCache({ bytesMax: 64 * 1024 * 1024 })
 * web.get('/api/clicks', async (context) => {
 *   const answer = await answers.get(context.req.url, String(version), () => clicksAsJson())
 *   return context.body(answer.json, 200, { 'content-type': 'application/json', etag: answer.etag })
 * })
 * ```
 */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>()
  readonly #bytesMax: number
  #bytes = 0

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#bytesMax = bytesMax
  }

  /**
   * The answer to the question at this version of the data: a known one, or what `ask` answers. Rejects as `ask` does;
   * a failure is not kept.
   */
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

/** Gives a JSON text its tag: equal texts have equal tags. */
export function answerOf(json: string): Answer {
  return { json, etag: `"${createHash('sha1').update(json).digest('base64url')}"` }
}
