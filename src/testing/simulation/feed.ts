import type { Duplex } from 'node:stream'
import { interval, Observable } from 'rxjs'
import { RivuletError } from '../../errors.ts'
import type { Machine } from './machine.ts'

/** What a feed sends. */
export interface FeedMessage {
  /** From 0 on, in the order of sending. */
  readonly number: number
  /** As the plan has it, after its way through JSON. */
  readonly value: unknown
}

/**
 * Something outside of Kafka that a source listens to in a simulation, as an instance has it: the feed itself is on a machine
 * of its own, and the network between them is as bad as to all others.
 */
export interface Feed {
  /**
   * Its messages from this number on, also those that it has sent before; absent: from the first that nobody has
   * acknowledged. Never completes; errors with `SOURCE_UNREACHABLE`, which is retryable, when the connection has ended, or is
   * silent.
   */
  messages(from?: number): Observable<FeedMessage>
  /** Tells it that what comes before this number need not be sent again. It may never hear of it. */
  acknowledge(before: number): void
}

/** What the one who listens says: from where on, and what is acknowledged. */
export type FeedRequest =
  | { readonly type: 'listen'; readonly from?: number }
  | { readonly type: 'acknowledge'; readonly before: number }

/** How often the feed says that it is there. */
export const keepAliveMs = 1_000
/** Without a word from the feed its connection is dead. */
const silentChecksMax = 5

/** Of which a topology can be declared that is not run. */
export const absentFeed: Feed = { messages: () => new Observable(), acknowledge: () => {} }

/** The feed as somebody on this machine has it, who connects to it anew each time that he listens. */
export function connectFeed({ clock }: Machine, connect: () => Duplex): Feed {
  const open = new Set<Duplex>()
  return {
    messages: (from) =>
      new Observable((subscriber) => {
        const connection = connect()
        open.add(connection)
        const failed = (why: string) =>
          subscriber.error(new RivuletError('SOURCE_UNREACHABLE', why, { retryable: true }))
        let silentChecks = 0
        connection.on('data', (bytes: Buffer) => {
          silentChecks = 0
          for (const message of fromLines<FeedMessage | null>(bytes)) if (message) subscriber.next(message)
        })
        connection.on('error', ({ message }) => failed(message))
        connection.on('close', () => failed('the feed has closed the connection'))
        subscriber.add(
          interval(keepAliveMs, clock.scheduler).subscribe(() => {
            if (++silentChecks > silentChecksMax) failed('the feed has gone silent')
          }),
        )
        subscriber.add(() => {
          open.delete(connection)
          connection.destroy()
        })
        connection.write(toLine<FeedRequest>({ type: 'listen', ...(from !== undefined && { from }) }))
      }),
    acknowledge(before) {
      for (const connection of open) connection.write(toLine<FeedRequest>({ type: 'acknowledge', before }))
    },
  }
}

export function toLine<T>(message: T): string {
  return `${JSON.stringify(message)}\n`
}

/** Each piece is whole lines. */
export function fromLines<T>(bytes: Buffer): T[] {
  return bytes
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line): T => JSON.parse(line))
}
