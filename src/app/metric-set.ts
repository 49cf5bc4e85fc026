import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** What tells the values of one metric apart. */
export type Labels<L extends string> = Readonly<Record<L, string>>

/** Seconds: from the commit of a few records to a backlog that is worked off. */
export const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Where a program's metrics are made, whoever takes them. Their names begin with `rivulet_`. */
export interface MetricMaker {
  /** For what goes up and down; taken anew whenever somebody wants it. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    ...labelNames: L[]
  ): (labels: Labels<L>, value: number) => void
  /** For totals that only grow; taken anew whenever somebody wants them. */
  counter<L extends string = never>(
    name: string,
    help: string,
    ...labelNames: L[]
  ): (labels: Labels<L>, total: number) => void
  /** Of durations; they are told as they happen. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    ...labelNames: L[]
  ): (labels: Labels<L>, ms: number) => void
}

/** For Prometheus. */
export class MetricSet implements MetricMaker {
  readonly #registry: Registry
  readonly #resets: (() => void)[] = []

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** What is gone, such as a step, a partition or a state, must not stand there for ever. */
  reset(): void {
    for (const reset of this.#resets) reset()
  }

  gauge<L extends string = never>(name: string, help: string, ...labelNames: L[]) {
    const gauge = new Gauge({ name: `rivulet_${name}`, help, labelNames, registers: [this.#registry] })
    this.#resets.push(() => gauge.reset())
    return (labels: Labels<L>, value: number) => gauge.set(labels, value)
  }

  counter<L extends string = never>(name: string, help: string, ...labelNames: L[]) {
    const counter = new Counter({ name: `rivulet_${name}`, help, labelNames, registers: [this.#registry] })
    this.#resets.push(() => counter.reset())
    return (labels: Labels<L>, total: number) => counter.inc(labels, total)
  }

  histogram<L extends string = never>(name: string, help: string, ...labelNames: L[]) {
    const registers = [this.#registry]
    const histogram = new Histogram({ name: `rivulet_${name}`, help, labelNames, buckets, registers })
    return (labels: Labels<L>, ms: number) => histogram.observe(labels, ms / 1_000)
  }
}
