import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Running } from '../runtime/run.ts'
import type { Readiness } from './health.ts'
import { MetricSet } from './metric-set.ts'
import { eventMetrics, foundMetrics, requestMetrics } from './program-metrics.ts'

/** A request that was answered. */
export interface AnsweredRequest {
  /** Such as `GET`. */
  readonly method: string
  /** As it was declared, such as `/api/stores/:name`; empty: there is none. */
  readonly route: string
  /** Of the answer. */
  readonly status: number
  /** To the headers of the answer. */
  readonly ms: number
}

/** What a program counts, for Prometheus. */
export interface Metrics {
  /** In Prometheus' text format. */
  text(): Promise<string>
  answered(request: AnsweredRequest): void
}

export interface MetricsOptions {
  readonly running: Pick<Running, 'status' | 'events$'>
  readonly ready: () => Readiness | Promise<Readiness>
}

/** Metrics of a program: taken from its status whenever they are asked for, so that they cost nothing where records go through. */
export function createMetrics({ running, ready }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const set = new MetricSet(registry)
  const observe = eventMetrics(set)
  running.events$.subscribe({ next: observe, error: () => {} }) // who runs it is told
  const update = foundMetrics(set)
  return {
    answered: requestMetrics(set),
    async text() {
      const found = { status: running.status(), readiness: await ready() }
      set.reset()
      update(found)
      return registry.metrics()
    },
  }
}
