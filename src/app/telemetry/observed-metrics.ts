import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api'
import { buckets, type Labels, type MetricMaker } from '../metric-set.ts'

type Attributes = Readonly<Record<string, string>>

/** For OpenTelemetry: the same names, and the same moments, as observable instruments. */
export class ObservedMetrics implements MetricMaker {
  readonly #meter: Meter
  readonly #observables: Observable[] = []
  /** By gauge, what its values were told of last. */
  readonly #told = new Map<Observable, Map<string, Attributes>>()
  /** Of whoever collects at the moment. */
  #result: BatchObservableResult | undefined

  constructor(meter: Meter) {
    this.#meter = meter
  }

  gauge<L extends string = never>(name: string, help: string, ..._: L[]) {
    const instrument = this.#meter.createObservableGauge(`rivulet_${name}`, { description: help })
    this.#observables.push(instrument)
    this.#told.set(instrument, new Map())
    return (labels: Labels<L>, value: number) => {
      this.#told.get(instrument)?.set(JSON.stringify(labels), labels)
      this.#result?.observe(instrument, value, labels)
    }
  }

  counter<L extends string = never>(name: string, help: string, ..._: L[]) {
    const instrument = this.#meter.createObservableCounter(`rivulet_${name}`, { description: help })
    this.#observables.push(instrument)
    return (labels: Labels<L>, total: number) => this.#result?.observe(instrument, total, labels)
  }

  histogram<L extends string = never>(name: string, help: string, ..._: L[]) {
    const options = { description: help, unit: 's', advice: { explicitBucketBoundaries: buckets } }
    const histogram = this.#meter.createHistogram(`rivulet_${name}`, options)
    return (labels: Labels<L>, ms: number) => histogram.record(ms / 1_000, labels)
  }

  /** Calls this whenever metrics are collected, to be told then of the gauges and counters that were made; returns what ends it. */
  collected(by: (observe: (tell: () => void) => void) => Promise<void>): () => void {
    const callback = (result: BatchObservableResult) => by((tell) => this.#observe(result, tell))
    this.#meter.addBatchObservableCallback(callback, this.#observables)
    return () => this.#meter.removeBatchObservableCallback(callback, this.#observables)
  }

  #observe(result: BatchObservableResult, tell: () => void): void {
    const before = new Map(this.#told)
    for (const instrument of before.keys()) this.#told.set(instrument, new Map())
    this.#result = result
    try {
      tell()
    } finally {
      this.#result = undefined
    }
    // SDKs repeat the last value of what is not told of any more, such as a state or a partition: it has none now.
    for (const [instrument, told] of before) {
      for (const [key, labels] of told)
        if (!this.#told.get(instrument)?.has(key)) result.observe(instrument, Number.NaN, labels)
    }
  }
}
