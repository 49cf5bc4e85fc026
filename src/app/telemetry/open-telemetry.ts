import type * as OpenTelemetry from '@opentelemetry/api'
import type { Clock } from '../../clock.ts'
import { optionalPackage } from '../../optional-package.ts'
import { version } from '../../version.ts'
import type { Metrics, MetricsOptions } from '../metrics.ts'
import { eventMetrics, foundMetrics, requestMetrics } from '../program-metrics.ts'
import { ObservedMetrics } from './observed-metrics.ts'
import { spansOf } from './spans.ts'

/** What a program tells OpenTelemetry. */
export interface Telemetry extends Pick<Metrics, 'answered'> {
  close(): void
}

export interface TelemetryOptions extends MetricsOptions {
  readonly clock: Clock
}

/**
 * Tells whoever the process has registered with OpenTelemetry: the metrics of `/metrics`, and a span for each commit and each
 * write. Throws `BAD_CONFIG` where the package is missing.
 */
export function openTelemetry({ running, ready, clock }: TelemetryOptions): Telemetry {
  const { metrics, trace } = optionalPackage<typeof OpenTelemetry>('@opentelemetry/api', 'OpenTelemetry')
  const set = new ObservedMetrics(metrics.getMeter('rivulet', version))
  const observers = [eventMetrics(set), spansOf(trace.getTracer('rivulet', version), clock)]
  const subscription = running.events$.subscribe({
    next: (event) => {
      for (const observe of observers) observe(event)
    },
    error: () => {}, // who runs it is told
  })
  const answered = requestMetrics(set)
  const update = foundMetrics(set)
  const unobserve = set.collected(async (observe) => {
    const readiness = await ready()
    observe(() => update({ status: running.status(), readiness }))
  })
  return {
    answered,
    close() {
      subscription.unsubscribe()
      unobserve()
    },
  }
}
