import type { Chunk } from '../records/chunk.ts'

/** Where an outgoing record comes from: the record `index` of a chunk, by a step. */
export interface Origin {
  readonly step: string
  readonly chunk: Chunk<unknown, unknown>
  readonly index: number
}

/** Where each of some outgoing records comes from, in columns: kept where somebody decides on what can't be written. */
export class OriginColumns {
  readonly #steps: (string | undefined)[] = []
  readonly #chunks: (Chunk<unknown, unknown> | undefined)[] = []
  readonly #indexes: number[] = []

  /** Of the next record; without a chunk it comes of none. */
  push(step?: string, chunk?: Chunk<unknown, unknown>, index = -1): void {
    this.#steps.push(step)
    this.#chunks.push(chunk)
    this.#indexes.push(index)
  }

  /** Undefined: record `i` comes of none. */
  at(i: number): Origin | undefined {
    const [step, chunk, index] = [this.#steps[i], this.#chunks[i], this.#indexes[i]]
    return step === undefined || !chunk || index === undefined ? undefined : { step, chunk, index }
  }
}
