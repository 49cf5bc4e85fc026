import { Pace } from '../../src/app/terminal/pace.ts'
import { progressText } from '../../src/app/terminal/progress-text.ts'
import { terminalOf } from '../../src/app/terminal/terminal.ts'
import { TerminalBlock } from '../../src/app/terminal/terminal-block.ts'

const intervalMs = 1_000

/** Shows in a terminal how many seeds have run, how fast, and how long the others will take. */
export class SeedProgress {
  readonly #seeds: number
  readonly #block: TerminalBlock | undefined
  readonly #pace = new Pace()
  #shownMs = Number.NEGATIVE_INFINITY

  constructor(seeds: number) {
    this.#seeds = seeds
    const terminal = terminalOf(process)
    this.#block = terminal && new TerminalBlock(terminal)
  }

  show(done: number, failed: number): void {
    const nowMs = performance.now()
    if (nowMs - this.#shownMs < intervalMs) return
    this.#shownMs = nowMs
    this.#pace.note(done, nowMs)
    const progress = progressText({ done, of: this.#seeds }, this.#pace.perSecond)
    this.#block?.show([{ text: `${done} seeds, ${failed} failed: ${progress}` }])
  }

  close(): void {
    this.#block?.close()
  }
}
