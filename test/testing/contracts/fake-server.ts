import { EMPTY, from, mergeMap, Observable, of, switchMap } from 'rxjs'
import { RivuletError } from '../../../src/errors.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import type { SourceContext } from '../../../src/stream/source.ts'
import { topic } from '../../../src/stream/topic.ts'
import type { SourceUnderTest } from '../../../src/testing/contracts/source-contract.ts'

type Message = number | 'undecodable'

/** One who listens, until it hangs up. */
interface Connection {
  next: number
  isPaused: boolean
  readonly heard: (message: Message) => void
  readonly broken: () => void
}

export const numbers = topic('numbers', { key: serdes.string, value: serdes.long })

/** Numbers what it sends, and keeps all of it. */
export class FakeServer {
  readonly #messages: Message[] = []
  readonly #connections = new Set<Connection>()
  #numbered = 0

  send(count: number): void {
    for (let i = 0; i < count; i++) this.#messages.push(this.#numbered++)
    this.#deliver()
  }

  sendUndecodable(): void {
    this.#messages.push('undecodable')
    this.#deliver()
  }

  breakConnection(): void {
    const broken = [...this.#connections]
    this.#connections.clear()
    for (const connection of broken) connection.broken()
  }

  connections(): number {
    return this.#connections.size
  }

  /** What comes behind that number is heard, as soon as it is not paused. */
  listen(after: number, heard: Connection['heard'], broken: () => void) {
    const next = this.#messages.indexOf(after) + 1
    const connection = { next, isPaused: true, heard, broken }
    this.#connections.add(connection)
    return {
      pause: (isPaused: boolean) => {
        connection.isPaused = isPaused
        this.#deliver()
      },
      hangUp: () => this.#connections.delete(connection),
    }
  }

  #deliver(): void {
    for (const connection of this.#connections) {
      while (!connection.isPaused && connection.next < this.#messages.length)
        connection.heard(this.#messages[connection.next++] as Message)
    }
  }
}

/** What a source does in each of its parts; a test puts another one in the place of one. */
export interface Parts {
  lastNumber(context: SourceContext): Promise<number>
  messages(server: FakeServer, after: number, context: SourceContext): Observable<Message>
  undecodable(context: SourceContext): Observable<number>
  /** Between the answer of where it was and the messages behind. */
  whole(last: Promise<number>, messages: (after: number) => Observable<number>): Observable<number>
}

export const healthy: Parts = {
  async lastNumber({ tail }) {
    for await (const { value } of tail(numbers)) return value
    return -1
  },
  messages: (server, after, { paused$ }) =>
    new Observable((subscriber) => {
      const { pause, hangUp } = server.listen(
        after,
        (message) => subscriber.next(message),
        () =>
          subscriber.error(
            new RivuletError('SOURCE_UNREACHABLE', 'the connection broke', { retryable: true }),
          ),
      )
      subscriber.add(paused$.subscribe(pause))
      subscriber.add(hangUp)
    }),
  undecodable({ deadLetter }) {
    deadLetter({ bytes: Buffer.from('?'), reason: 'no number', place: {} })
    return EMPTY
  },
  whole: (last, messages) => from(last).pipe(switchMap(messages)),
}

export function numbersOf(parts: Parts): SourceUnderTest<number> {
  const server = new FakeServer()
  return {
    source: (context) =>
      parts.whole(parts.lastNumber(context), (after) =>
        parts
          .messages(server, after, context)
          .pipe(
            mergeMap((message) => (message === 'undecodable' ? parts.undecodable(context) : of(message))),
          ),
      ),
    send: (count) => server.send(count),
    sendUndecodable: () => server.sendUndecodable(),
    breakConnection: () => server.breakConnection(),
    connections: () => server.connections(),
  }
}
