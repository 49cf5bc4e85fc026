import {
  type Attributes,
  type BatchObservableCallback,
  createNoopMeter,
  INVALID_SPAN_CONTEXT,
  metrics,
  type Observable,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { onTestFinished } from 'vitest'

interface Observed {
  readonly name: string
  readonly value: number
  readonly attributes: Attributes | undefined
}

/** Registers with OpenTelemetry what keeps all that it is told, until the end of the test. */
export function registeredTelemetry() {
  const names: string[] = []
  const durations: Observed[] = []
  const spans: { name: string; startMs: unknown; endMs: unknown; attributes: unknown }[] = []
  const callbacks = new Map<BatchObservableCallback, Observable[]>()
  const nameOf = new Map<Observable, string>()

  const observable = (name: string) => {
    names.push(name)
    const instrument: Observable = { addCallback() {}, removeCallback() {} }
    nameOf.set(instrument, name)
    return instrument
  }
  const meter = Object.assign(createNoopMeter(), {
    createObservableGauge: observable,
    createObservableCounter: observable,
    createHistogram(name: string) {
      names.push(name)
      return {
        record: (value: number, attributes?: Attributes) => durations.push({ name, value, attributes }),
      }
    },
    addBatchObservableCallback: (callback: BatchObservableCallback, of: Observable[]) =>
      callbacks.set(callback, of),
    removeBatchObservableCallback: (callback: BatchObservableCallback) => callbacks.delete(callback),
  })
  const tracer: Tracer = {
    startSpan(name, { startTime, attributes } = {}) {
      const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
      span.end = (endMs) => void spans.push({ name, startMs: startTime, endMs, attributes })
      return span
    },
    startActiveSpan() {
      throw new Error('nothing of a program is done within a span')
    },
  }
  metrics.setGlobalMeterProvider({ getMeter: () => meter })
  trace.setGlobalTracerProvider({ getTracer: () => tracer })
  onTestFinished(() => {
    metrics.disable()
    trace.disable()
  })

  return {
    names,
    durations,
    spans,
    /** As an exporter asks from time to time. */
    async collect(): Promise<Observed[]> {
      const observed: Observed[] = []
      for (const [callback, of] of callbacks) {
        await callback({
          observe(instrument: Observable, value: number, attributes?: Attributes) {
            if (!of.includes(instrument)) throw new Error('it is not observed by this callback')
            observed.push({ name: nameOf.get(instrument) ?? '', value, attributes })
          },
        })
      }
      return observed
    },
  }
}
