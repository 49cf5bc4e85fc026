import { messageOf, RivuletError, type Source, type SourceContext } from 'rivulet'
import { defer, EMPTY, mergeMap, Observable, of, switchMap } from 'rxjs'
import { type Reading, readings } from './reading.ts'
import type { SensorHub, SensorMessage } from './sensor-hub.ts'

/** The readings of these devices, each once, whatever happens in between. */
export function sensorReadings(hub: SensorHub, devices: readonly string[]): Source<Reading> {
  return (context) =>
    defer(() => lastSequences(context, devices)).pipe(
      switchMap((after) => messages(hub, after, context)),
      mergeMap((message) => decode(message, context)),
    )
}

/** What has reached the topic says where to go on, since Kafka alone knows what it has acknowledged. */
async function lastSequences(
  { tail }: SourceContext,
  devices: readonly string[],
): Promise<Map<string, number>> {
  const last = new Map<string, number>()
  for await (const { value } of tail(readings)) {
    if (!last.has(value.device)) last.set(value.device, value.sequence) // the newest come first
    if (devices.every((device) => last.has(device))) break
  }
  return last
}

function messages(
  hub: SensorHub,
  after: ReadonlyMap<string, number>,
  { paused$, setState, messageReceived }: SourceContext,
): Observable<SensorMessage> {
  return new Observable((subscriber) => {
    const connection = hub.connect({
      after,
      heard(message) {
        messageReceived()
        subscriber.next(message)
      },
      // It may pass: the runtime says it in the log, waits, and starts the source again.
      broken: (why) =>
        subscriber.error(
          new RivuletError('SOURCE_UNREACHABLE', why.message, { retryable: true, cause: why }),
        ),
    })
    subscriber.add(() => connection.close())
    setState('live')
    subscriber.add(paused$.subscribe((isPaused) => connection.pause(isPaused)))
  })
}

/** What can't be read is put aside, with its bytes; what comes behind it goes on. */
function decode(
  { device, sequence, payload }: SensorMessage,
  { deadLetter }: SourceContext,
): Observable<Reading> {
  try {
    const { celsius, at } = JSON.parse(payload.toString())
    if (!Number.isFinite(celsius) || !Number.isSafeInteger(at))
      throw new Error('it needs numbers, celsius and at')
    return of({ device, sequence, celsius, timestampMs: at })
  } catch (error) {
    deadLetter({ bytes: payload, reason: messageOf(error), place: { device, sequence: String(sequence) } })
    return EMPTY
  }
}
