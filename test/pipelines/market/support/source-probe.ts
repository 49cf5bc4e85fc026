import { BehaviorSubject, NEVER, type Observable, type Subscription } from 'rxjs'
import type { Trade } from '../../../../pipelines/market/trade.ts'
import { systemClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'
import type {
  DeadLetter,
  SourceContext,
  SourceGap,
  SourceState,
  TailRecord,
} from '../../../../src/stream/source.ts'
import type { Topic } from '../../../../src/stream/topic.ts'

/** Runs a source as the runtime would, and keeps all that it says. */
export class SourceProbe {
  readonly trades: Trade[] = []
  readonly deadLetters: DeadLetter[] = []
  readonly states: SourceState[] = []
  readonly rejections: [part: string, reason: string][] = []
  readonly acceptances: string[] = []
  readonly gaps: (SourceGap & { isRepaired: boolean })[] = []
  readonly counters: Record<string, number> = {}
  readonly paused$ = new BehaviorSubject(false)
  error: unknown
  readonly context: SourceContext
  #subscription: Subscription | undefined

  /** `tape`: what the topic holds already, oldest first. */
  constructor({ tape = [], ...overrides }: { tape?: readonly Trade[] } & Partial<SourceContext> = {}) {
    this.context = {
      clock: systemClock,
      logger: silentLogger,
      paused$: this.paused$,
      acknowledged$: NEVER,
      position: undefined,
      tail: async function* tail<K, V>(topic: Topic<K, V>) {
        for (const trade of [...tape].reverse()) yield record(topic, trade)
      },
      deadLetter: (letter) => this.deadLetters.push(letter),
      setState: (state) => this.states.push(state),
      rejected: (part, reason) => this.rejections.push([part, reason]),
      accepted: (part) => this.acceptances.push(part),
      gap: (gap) => {
        const noted = { ...gap, isRepaired: false }
        this.gaps.push(noted)
        return () => {
          noted.isRepaired = true
        }
      },
      count: (counter, by = 1) => {
        this.counters[counter] = (this.counters[counter] ?? 0) + by
      },
      messageReceived: () => {},
      ...overrides,
    }
  }

  start(source: (context: SourceContext) => Observable<Trade>): this {
    this.#subscription = source(this.context).subscribe({
      next: (trade) => this.trades.push(trade),
      error: (error: unknown) => {
        this.error = error
      },
    })
    return this
  }

  stop(): void {
    this.#subscription?.unsubscribe()
  }

  ids(product: string): number[] {
    return this.trades.filter((trade) => trade.product === product).map(({ tradeId }) => tradeId)
  }
}

function record<K, V>(topic: Topic<K, V>, trade: Trade): TailRecord<K, V> {
  const key = topic.key.deserialize(Buffer.from(trade.symbol))
  const value = topic.value.deserialize(Buffer.from(JSON.stringify(trade)))
  return { key, value, timestampMs: trade.timestampMs, partition: 0, partitions: 1 }
}

/** Resolves when the condition holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean, everyMs = 5): Promise<void> {
  while (!condition()) await systemClock.sleep(everyMs)
}

/** `[from, …, to]`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
}
