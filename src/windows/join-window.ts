import { checked } from '../checked.ts'

/** The right record's timestamp is in `[left − beforeMs, left + afterMs]`. */
export interface JoinWindow {
  readonly kind: 'join'
  readonly beforeMs: number
  readonly afterMs: number
  /** How much longer than the window records are kept, and unmatched ones wait, for a match that is late. */
  readonly graceMs: number
}

/**
 * How near in time two records must be to join. `within({ ms: 10 })` is 10 ms either way; `beforeMs` and `afterMs` say
 * how much earlier and later than the left record the right one may be. Records are kept for before + after + grace,
 * so if all are 0 nothing ever joins. Source: Kafka Streams `JoinWindows`.
 */
export function within(
  span:
    | { readonly ms: number; readonly graceMs?: number }
    | { readonly beforeMs: number; readonly afterMs: number; readonly graceMs?: number },
): JoinWindow {
  const { graceMs = 0 } = span
  const { beforeMs, afterMs } = 'ms' in span ? { beforeMs: span.ms, afterMs: span.ms } : span
  return { kind: 'join', ...checked({ beforeMs }, 0), ...checked({ afterMs }, 0), ...checked({ graceMs }, 0) }
}
