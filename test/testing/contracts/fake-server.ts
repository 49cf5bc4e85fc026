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

  /** All is heard from the first message on, as soon as it is not paused. */
  listen(heard: Connection['heard'], broken: () => void) {
    const connection = { next: 0, isPaused: true, heard, broken }
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
  /** What its topic has. */
  written(context: SourceContext): Promise<ReadonlySet<number>>
  /** What the server has, without what is written. */
  messages(server: FakeServer, written: ReadonlySet<number>, context: SourceContext): Observable<Message>
  undecodable(context: SourceContext): Observable<number>
  /** Between the answer of what is written and the other messages. */
  whole(
    written: Promise<ReadonlySet<number>>,
    messages: (written: ReadonlySet<number>) => Observable<number>,
  ): Observable<number>
}

export const healthy: Parts = {
  async written({ tail }) {
    const written = new Set<number>()
    for await (const { value } of tail(numbers)) written.add(value)
    return written
  },
  messages: (server, written, { paused$ }) =>
    new Observable((subscriber) => {
      const { pause, hangUp } = server.listen(
        (message) => {
          if (message === 'undecodable' || !written.has(message)) subscriber.next(message)
        },
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
  whole: (written, messages) => from(written).pipe(switchMap(messages)),
}

export function numbersOf(parts: Parts): SourceUnderTest<number> {
  const server = new FakeServer()
  return {
    source: (context) =>
      parts.whole(parts.written(context), (written) =>
        parts
          .messages(server, written, context)
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
