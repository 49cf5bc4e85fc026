import { type Source, type SourceContext, serdes, type Topology, topic, topology } from 'rivulet'
import type { Feed, FeedMessage, PlannedMessage } from 'rivulet/testing'
import { defer, filter, finalize, map, type Observable, switchMap, tap } from 'rxjs'
import type { RecordsOptions } from './records.ts'

/** What the sources emit. */
interface Event {
  readonly key: string
  /** Of the message that it came with: they rise, also among those of one key. */
  readonly number: number
}

const types = { key: serdes.string, value: serdes.long, partitions: 2 }
const events = topic('events', types)
const evens = topic('evens', types)
const output = topic('out', types)
const others = topic('in', types)

const keys = ['a', 'b', 'c', 'd']
const messagesPerBurst = 4

/** Keys, in bursts at random times. */
export function sent(random: () => number, { durationMs, bursts }: RecordsOptions): PlannedMessage[] {
  return Array.from({ length: bursts }, () => Math.floor(random() * durationMs))
    .toSorted((a, b) => a - b)
    .flatMap((atMs) =>
      Array.from({ length: messagesPerBurst }, () => ({
        value: keys[Math.floor(random() * keys.length)],
        atMs,
      })),
    )
}

export function eventOf({ number, value }: FeedMessage): Event {
  return { key: String(value), number }
}

const keyed = { key: ({ key }: Event) => key, timestampMs: ({ number }: Event) => number }

/** One place for all, which is committed with what goes to several topics; and a count behind one of them. */
export function placed(feed: Feed): Topology {
  const source: Source<Event> = ({ position }) =>
    feed.messages(typeof position === 'number' ? position : 0).pipe(map(eventOf))
  return topology('placed', (declare) => {
    const all = declare
      .source('feed', source, { ...keyed, position: ({ number }) => number + 1 })
      .mapValues(({ number }) => number)
    all.to(events)
    all.filter('even', (number) => number % 2 === 0).to(evens)
    declare
      .stream(events)
      .groupByKey()
      .count('seen')
      .toStream()
      .filter((count) => count !== null)
      .to(output)
  })
}

/** Goes on behind the newest record of each key, in a topic that others write to, too. */
export function tailing(feed: Feed): Topology {
  const source: Source<Event> = (context) =>
    defer(() => lastNumbers(context)).pipe(
      switchMap((last) => {
        const behind = (key: string) => (last.get(key) ?? -1) + 1
        return feed.messages(Math.min(...keys.map(behind))).pipe(
          map(eventOf),
          filter(({ key, number }) => number >= behind(key)),
        )
      }),
    )
  return topology('tailing', (declare) => {
    declare
      .source('feed', source, keyed)
      .mapValues(({ number }) => number)
      .to(output)
    declare.stream(others).to(output)
  })
}

async function lastNumbers({ tail }: SourceContext): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>()
  for await (const { key, value } of tail(output)) if (!last.has(key)) last.set(key, value)
  return last
}

/** The other side remembers what it was told to be in Kafka, and sends the rest again: a crash may double that. */
export function acknowledging(feed: Feed): Topology {
  const source: Source<Event> = (context) => acknowledged(feed, context).pipe(map(eventOf))
  return topology('acknowledging', (declare) => {
    declare
      .source('feed', source, keyed)
      .mapValues(({ number }) => number)
      .to(output)
  })
}

function acknowledged(feed: Feed, { acknowledged$ }: SourceContext): Observable<FeedMessage> {
  return defer(() => {
    let begin: number | undefined
    const telling = acknowledged$.subscribe((count) => {
      if (begin !== undefined) feed.acknowledge(begin + count)
    })
    return feed.messages().pipe(
      tap(({ number }) => {
        begin ??= number
      }),
      finalize(() => telling.unsubscribe()),
    )
  })
}
