import type { Observable } from 'rxjs'
import { checked, required } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import type { RetryPolicy } from '../retry.ts'
import type { Serde } from '../serdes/serde.ts'
import { nullable, serdes } from '../serdes/serdes.ts'
import type { Stage } from './builder.ts'
import { asTopicName } from './topic-name.ts'

/** Makes a value of a record, in its own time. `signal` aborts when nobody waits for it any more. */
export type AsyncMapper<K, V, W> = (value: V, key: K, signal: AbortSignal) => PromiseLike<W> | Observable<W>

/** How many calls are under way, how long they may take, and how often they are tried. */
export interface MapAsyncOptions<W> {
  /** Calls under way at a time, in each task. */
  readonly concurrencyMax: number
  /** How long one try may take. With all tries and the waits between them at most 30,000: a commit waits for it. */
  readonly timeoutMs: number
  /** Default: one try. `retryable` says which errors are worth another one; default: all. */
  readonly retry?: RetryPolicy & {
    /** Tries in all, the first one included; at least 1. */
    readonly attemptsMax: number
    /** Which errors are worth another try; default: all. */
    readonly retryable?: (error: unknown) => boolean
  }
  /** How the results are written; default JSON. */
  readonly value?: Serde<W>
}

/** Kafka ends a transaction that is open for a minute, and a group does not wait longer for a member that leaves. */
const callMsMax = 30_000

/** The stage behind the calls, and behind the topic that takes their results: `<application>-<name>-results`. */
export function mapAsync<K, V, W>(
  { builder, port, key }: Stage<K, V>,
  name: string,
  mapper: AsyncMapper<K, V, W>,
  { concurrencyMax, timeoutMs, retry, ...options }: MapAsyncOptions<W>,
): Stage<K, W> {
  const policy = { initialMs: 0, waitMsMax: 0, attemptsMax: 1, ...retry }
  const { attemptsMax, initialMs, waitMsMax } = policy
  required({ mapper }, { step: name })
  checked({ concurrencyMax, timeoutMs, attemptsMax }, 1, 'BAD_TOPOLOGY', { step: name })
  checked({ initialMs, waitMsMax }, 0, 'BAD_TOPOLOGY', { step: name })
  const callMs = attemptsMax * timeoutMs + (attemptsMax - 1) * waitMsMax
  if (callMs > callMsMax) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `a call of "${name}" may take ${callMs} ms with all its tries; a commit can wait for ${callMsMax} ms`,
      { place: { step: name, parameter: 'timeoutMs' } },
    )
  }
  // A null stands outside of the bytes, and here it may be a result.
  const written = {
    key: nullable(key) as Serde<K>,
    value: nullable(options.value ?? serdes.json<W>()) as Serde<W>,
  }
  const topicName = `${asTopicName(name)}-results`
  const call = {
    begin: (value: V, recordKey: K, signal: AbortSignal) => mapper(value, recordKey, signal),
    concurrencyMax,
    timeoutMs,
    retry: { policy, retryable: retry?.retryable ?? (() => true) },
  }
  const behind = builder.graph.add({
    type: 'repartition',
    kind: 'mapAsync',
    name,
    input: port,
    topicName,
    ...written,
    nullKeys: true,
    call,
  })
  return { builder, port: behind, ...written, rekeyed: false }
}
