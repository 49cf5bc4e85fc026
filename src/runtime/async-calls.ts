import { defer, finalize, from, type Subscription, take, tap, throwError, throwIfEmpty, timeout } from 'rxjs'
import type { Clock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { callbackError } from '../operators/operator.ts'
import type { Chunk } from '../records/chunk.ts'
import { retryWithBackoff } from '../retry.ts'
import type { AsyncCall, GraphNode, RepartitionNode } from '../stream/graph.ts'
import type { SubTopology } from '../stream/sub-topologies.ts'
import { type Failure, failedRecord } from './failed-record.ts'

type AnyChunk = Chunk<unknown, unknown>

type CallingNode = RepartitionNode & { readonly call: AsyncCall }

/** The steps of a sub-topology that call. One that begins it has done so in another. */
export function callingNodes(subTopology: SubTopology): CallingNode[] {
  const inputs: readonly GraphNode[] = 'inputs' in subTopology ? subTopology.inputs : []
  return subTopology.nodes.filter(
    (node): node is CallingNode =>
      node.type === 'repartition' && node.call !== undefined && !inputs.includes(node),
  )
}

export interface AsyncCallsOptions {
  readonly node: CallingNode
  readonly clock: Clock
  /** Takes what came of the records, in their order; within `push` where the answers are there at once. */
  readonly answered: (chunk: AnyChunk) => void
  /** A call has failed for good: whether its record is to be left out. */
  readonly failed: (failure: Failure) => 'fail' | 'drop'
}

interface Entry {
  readonly chunk: AnyChunk
  readonly i: number
  call: Subscription | undefined
  /** A tuple, for anything may be an answer; `dropped`: none is wanted. */
  answer: readonly [unknown] | 'dropped' | undefined
}

/**
 * The calls of one asynchronous step in one task: at most `concurrencyMax` under way, their answers in the order of the
 * records. A call that takes longer than `timeoutMs` is given up and fails with `TIMED_OUT`; failures are retried as the
 * policy says.
 */
export class AsyncCalls {
  readonly #options: AsyncCallsOptions
  /** In order; those that are not begun stand behind those that are. */
  readonly #entries: Entry[] = []
  #begun = 0
  #underWay = 0
  #advancing = false
  #failure: { readonly error: unknown } | undefined
  #settling: { resolve(): void; reject(error: unknown): void }[] = []

  constructor(options: AsyncCallsOptions) {
    this.#options = options
  }

  /** Records that are not answered, or wait for one before them that is not. */
  get waiting(): number {
    return this.#entries.length
  }

  /** How many more records can be called for at once. */
  get room(): number {
    return this.#options.node.call.concurrencyMax - this.#entries.length
  }

  push(chunk: AnyChunk): void {
    for (let i = 0; i < chunk.keys.length; i++)
      this.#entries.push({ chunk, i, call: undefined, answer: undefined })
    this.#advance()
  }

  /** Resolves when nothing waits; rejects with the failure that ended it. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settling.push({ resolve, reject })
      this.#settle()
    })
  }

  /** Gives up what is under way. */
  close(reason: unknown): void {
    this.#failure ??= { error: reason }
    for (const { call } of this.#entries.splice(0)) call?.unsubscribe()
    this.#settle()
  }

  /** Begins calls and hands over answers, until neither is possible. Answers that come at once go on in the same loop. */
  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    try {
      while (!this.#failure && (this.#begin() || this.#handOver()));
    } finally {
      this.#advancing = false
    }
    this.#settle()
  }

  #begin(): boolean {
    const { node } = this.#options
    const entry = this.#entries[this.#begun]
    if (!entry || this.#underWay >= node.call.concurrencyMax) return false
    this.#begun++
    this.#underWay++
    entry.call = this.#call(entry).subscribe({
      next: (value) => {
        entry.answer = [value]
      },
      error: (error) => this.#callFailed(entry, error),
      complete: () => {
        this.#underWay--
        this.#advance()
      },
    })
    return true
  }

  #call({ chunk, i }: Entry) {
    const { node, clock } = this.#options
    const { timeoutMs, retry } = node.call
    return defer(() => {
      const abort = new AbortController()
      let isAnswered = false
      return from(node.call.begin(chunk.values[i], chunk.keys[i], abort.signal)).pipe(
        tap(() => {
          isAnswered = true
        }),
        // Of an answer that is there, nobody need be told that it is not waited for: making the reason takes its time.
        finalize(() => {
          if (!isAnswered) abort.abort()
        }),
      )
    }).pipe(
      take(1),
      throwIfEmpty(() => new RivuletError('CALLBACK_FAILED', 'the call ended without an answer')),
      timeout({
        each: timeoutMs,
        scheduler: clock.scheduler,
        with: () => throwError(() => timedOut(timeoutMs)),
      }),
      retryWithBackoff({ clock, policy: retry.policy, retryable: retry.retryable }),
    )
  }

  #callFailed(entry: Entry, error: unknown): void {
    const { node, failed } = this.#options
    const placed = callbackError(node.name, error, entry.chunk, entry.i)
    const record = failedRecord(node.name, entry.chunk, entry.i)
    if (failed({ error: placed, record }) === 'fail') {
      this.close(placed)
      return
    }
    entry.answer = 'dropped'
    this.#underWay--
    this.#advance()
  }

  /** The answers at the front, as one chunk for each chunk that they came of. */
  #handOver(): boolean {
    const first = this.#entries[0]
    if (first?.answer === undefined) return false
    const { chunk } = first
    let n = 0
    while (this.#entries[n]?.answer !== undefined && this.#entries[n]?.chunk === chunk) n++
    const answered = this.#entries.splice(0, n)
    this.#begun -= n
    const kept = answered.filter(({ answer }) => answer !== 'dropped')
    if (kept.length > 0) this.#options.answered(resultOf(chunk, kept))
    return true
  }

  #settle(): void {
    if (this.#entries.length > 0 && !this.#failure) return
    const settling = this.#settling
    this.#settling = []
    for (const { resolve, reject } of settling) {
      if (this.#failure) reject(this.#failure.error)
      else resolve()
    }
  }
}

function resultOf(chunk: AnyChunk, entries: readonly Entry[]): AnyChunk {
  const { topic, partition, keys, timestampsMs, offsets, headers } = chunk
  return {
    topic,
    partition,
    keys: entries.map(({ i }) => keys[i]),
    values: entries.map(({ answer }) => (answer === 'dropped' ? null : answer?.[0])),
    timestampsMs: entries.map(({ i }) => timestampsMs[i] as number),
    offsets: entries.map(({ i }) => offsets[i] as number),
    ...(headers && { headers: entries.map(({ i }) => headers[i]) }),
  }
}

function timedOut(timeoutMs: number): RivuletError {
  return new RivuletError('TIMED_OUT', `the call took longer than ${timeoutMs} ms`, { retryable: true })
}
