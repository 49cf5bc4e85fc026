import { Observable, pairwise, Subject, startWith, tap } from 'rxjs'
import { RivuletError } from '../../../src/errors.ts'
import type { SourceContext } from '../../../src/stream/source.ts'
import type { SourceUnderTest } from '../../../src/testing/contracts/source-contract.ts'

type Message = number | 'undecodable'

/** How the messages at the head of a queue are forgotten, one with each call of `forget`. */
export type Acknowledge = (parts: {
  readonly acknowledged$: SourceContext['acknowledged$']
  readonly emitted$: Observable<unknown>
  readonly forget: () => void
}) => Observable<unknown>

export const acknowledging: Acknowledge = ({ acknowledged$, forget }) =>
  acknowledged$.pipe(
    startWith(0),
    pairwise(),
    tap(([before, now]) => {
      for (let count = before; count < now; count++) forget()
    }),
  )

/** A server that keeps a message until it is acknowledged, and sends the others again on each connection. */
export function queueOf(acknowledge: Acknowledge): SourceUnderTest<number> {
  let messages: Message[] = []
  const forgotten: Message[] = []
  const connections = new Set<{ deliver(): void; broken(): void }>()
  const deliver = () => {
    for (const connection of connections) connection.deliver()
  }
  let sent = 0

  const listen = (context: SourceContext) =>
    new Observable<number>((subscriber) => {
      const emitted$ = new Subject<void>()
      let passed = 0
      let isPaused = true
      const forget = () => {
        forgotten.push(...messages.slice(0, 1))
        messages = messages.slice(1)
        passed--
      }
      const connection = {
        deliver() {
          while (!isPaused && passed < messages.length) {
            const message = messages[passed++] as Message
            if (message === 'undecodable')
              context.deadLetter({ bytes: Buffer.from('?'), reason: 'no number', place: {} })
            else subscriber.next(message)
            emitted$.next()
          }
        },
        broken: () =>
          subscriber.error(
            new RivuletError('SOURCE_UNREACHABLE', 'the connection broke', { retryable: true }),
          ),
      }
      connections.add(connection)
      const { acknowledged$, paused$ } = context
      subscriber.add(acknowledge({ acknowledged$, emitted$, forget }).subscribe())
      subscriber.add(
        paused$.subscribe((now) => {
          isPaused = now
          connection.deliver()
        }),
      )
      return () => connections.delete(connection)
    })

  return {
    source: listen,
    send(count) {
      for (let i = 0; i < count; i++) messages.push(sent++)
      deliver()
    },
    sendUndecodable() {
      messages.push('undecodable')
      deliver()
    },
    breakConnection() {
      const broken = [...connections]
      connections.clear()
      for (const connection of broken) connection.broken()
    },
    connections: () => connections.size,
    acknowledged: () => forgotten.filter((message) => message !== 'undecodable'),
  }
}
