import * as v from 'valibot'
import type { StateTable } from '../state/state-table.ts'

const key = 'next producer id'
// Handed out in blocks, so that not every producer costs a write; a restart skips the rest of a block.
const blockSize = 1_000

/** Numbers for idempotent producers: never the same twice, not after a restart either. */
export class ProducerIds {
  readonly #state: StateTable
  #next = 0
  #end = 0

  constructor(state: StateTable) {
    this.#state = state
  }

  next(): number {
    if (this.#next >= this.#end) {
      const start = v.parse(v.number(), this.#state.get(key) ?? 1)
      this.#state.change([{ key, value: start + blockSize }])
      this.#state.log.syncNow() // Given twice, one would hide the records of two producers from each other.
      this.#next = start
      this.#end = start + blockSize
    }
    return this.#next++
  }
}
