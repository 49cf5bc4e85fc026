import type { Attributes, Tracer } from '@opentelemetry/api'
import type { Clock } from '../../clock.ts'
import type { RuntimeEvent } from '../../runtime/run.ts'

/** A span for each commit and for each write of a sink that has succeeded; none for a record. They are told when it is over. */
export function spansOf(tracer: Tracer, clock: Pick<Clock, 'now'>): (event: RuntimeEvent) => void {
  const span = (name: string, tookMs: number, attributes: Attributes) => {
    const endMs = clock.now()
    tracer.startSpan(name, { startTime: endMs - tookMs, attributes }).end(endMs)
  }
  return (event) => {
    switch (event.type) {
      case 'committed':
        return span('rivulet.commit', event.tookMs, { 'rivulet.task': event.task })
      case 'source-committed':
        return span('rivulet.commit', event.tookMs, { 'rivulet.source': event.source })
      case 'written':
        return span('rivulet.write', event.tookMs, {
          'rivulet.sink': event.step,
          'rivulet.rows': event.rows,
        })
      default:
        return undefined
    }
  }
}
