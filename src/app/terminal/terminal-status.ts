import type { Subscription } from 'rxjs'
import type { Clock } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { PipelineStatus } from '../../runtime/pipeline-status.ts'
import type { Running } from '../../runtime/run.ts'
import type { Problem } from '../problems.ts'
import { FetchedGaps } from './fetched-gaps.ts'
import { Pace } from './pace.ts'
import { type Progress, progressText } from './progress-text.ts'
import { statusLines } from './status-lines.ts'
import type { TerminalBlock } from './terminal-block.ts'

/** What a program shows of itself in a terminal. */
export interface TerminalLines {
  /** As they are to be read: what has no room is cut. */
  readonly lines?: readonly string[]
  /** What takes long; with its pace, and how long it still takes. What is done is not shown. */
  readonly progress?: readonly Progress[]
}

export interface TerminalStatusOptions {
  readonly block: Pick<TerminalBlock, 'show' | 'close'>
  readonly url: string
  readonly running: Pick<Running, 'status'>
  readonly problemsIn: (status: PipelineStatus) => readonly Problem[]
  readonly ownLines: () => TerminalLines
  readonly clock: Clock
}

const intervalMs = 1_000

/** Shows in a terminal how a program goes, once a second. */
export class TerminalStatus {
  readonly #options: TerminalStatusOptions
  readonly #gaps = new FetchedGaps()
  /** By what they are the paces of. */
  #paces = new Map<string, Pace>()
  #timer: Subscription | undefined

  constructor(options: TerminalStatusOptions) {
    this.#options = options
    this.#show()
  }

  close(): void {
    this.#timer?.unsubscribe()
    this.#options.block.close()
  }

  #show(): void {
    const { block, url, running, problemsIn, clock } = this.#options
    const status = running.status()
    const { lines = [], progress = [] } = this.#ownLines()
    const shown = {
      status,
      url,
      problems: problemsIn(status),
      progress: this.#progressTexts([...restoring(status), ...this.#gaps.look(status), ...progress]),
      own: lines,
    }
    block.show(statusLines(shown))
    this.#timer = clock.scheduler.schedule(() => this.#show(), intervalMs)
  }

  /** What fails in them is shown, and ends nothing. */
  #ownLines(): TerminalLines {
    try {
      return this.#options.ownLines()
    } catch (error) {
      return { lines: [messageOf(error)] }
    }
  }

  #progressTexts(progress: readonly Progress[]): string[] {
    const paces = new Map<string, Pace>()
    const underWay = progress.filter(({ done, of }) => done < of)
    const texts = underWay.map(({ name, ...of }) => {
      const pace = this.#paces.get(name) ?? new Pace()
      paces.set(name, pace)
      pace.note(of.done, this.#options.clock.now())
      return `${name}: ${progressText(of, pace.perSecond)}`
    })
    this.#paces = paces
    return texts
  }
}

function restoring({ tasks }: PipelineStatus): Progress[] {
  return tasks.flatMap(({ task, state, restored }) =>
    state === 'restoring' && restored
      ? [{ name: `restore ${task}`, done: restored.offsets, of: restored.of }]
      : [],
  )
}
