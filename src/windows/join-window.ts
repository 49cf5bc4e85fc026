import { checked } from '../checked.ts'
import { RivuletError } from '../errors.ts'

/** The right record's timestamp is in `[left − beforeMs, left + afterMs]`. */
export interface JoinWindow {
  /** Tells it from the windows of an aggregation. */
  readonly kind: 'join'
  /** Negative: the right record comes at least so much later. */
  readonly beforeMs: number
  /** Negative: the right record comes at least so much earlier. */
  readonly afterMs: number
  /** How much longer than the window records are kept, and unmatched ones wait, for a match that is late. */
  readonly graceMs: number
}

/** Both ways alike, unless one of them is said; or each way by itself. */
export type JoinSpan =
  | {
      /** Both ways. */
      readonly ms: number
      /** How much earlier than the left record the right one may be; default: `ms`. */
      readonly beforeMs?: number
      /** How much later than the left record the right one may be; default: `ms`. */
      readonly afterMs?: number
      /** How much longer records are kept, and unmatched ones wait; default 0. */
      readonly graceMs?: number
    }
  | {
      /** Not said: each way by itself. */
      readonly ms?: never
      /** How much earlier than the left record the right one may be; negative: at least so much later. */
      readonly beforeMs: number
      /** How much later than the left record the right one may be; negative: at least so much earlier. */
      readonly afterMs: number
      /** How much longer records are kept, and unmatched ones wait; default 0. */
      readonly graceMs?: number
    }

/**
 * How near in time two records must be to join. `within({ ms: 10 })` is 10 ms either way; `beforeMs` and `afterMs` say
 * how much earlier and later than the left record the right one may be, and one of them may be negative:
 * `within({ beforeMs: -5, afterMs: 10 })` is 5 to 10 ms later. Records are kept for before + after + grace, so if all are
 * 0 nothing ever joins. Throws `BAD_TOPOLOGY` for a window that ends before it begins. Source: Kafka Streams `JoinWindows`.
 *
 * @example
 * ```ts
 * stream(orders).join(stream(payments), (order, { amount }) => order.amount - amount, within({ ms: 600_000 }))
 * ```
 */
export function within(span: JoinSpan): JoinWindow {
  const { graceMs = 0 } = span
  const { beforeMs, afterMs } =
    span.ms === undefined ? span : { beforeMs: span.ms, afterMs: span.ms, ...span }
  const sides = checked({ beforeMs, afterMs }, Number.MIN_SAFE_INTEGER)
  if (beforeMs + afterMs < 0) {
    const message = `the window would end before it begins: beforeMs (${beforeMs}) + afterMs (${afterMs}) is negative`
    throw new RivuletError('BAD_TOPOLOGY', message, { place: { parameter: 'beforeMs' } })
  }
  return { kind: 'join', ...sides, ...checked({ graceMs }, 0) }
}
