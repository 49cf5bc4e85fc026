import { eventAt, type NexmarkEvent } from './events.ts'
import { type QueryName, queries } from './queries/queries.ts'
import { plainQueries } from './reference.ts'

/** How many differences are told of. */
const toldMax = 3

/** The first so many events, at so many a second. */
export interface EventRange {
  readonly events: number
  readonly eventsPerS?: number
}

/** What a query has come to in the end: all results, or of each key the last one. */
export class FinalResults {
  readonly #updates: boolean
  readonly #lastMs: number
  /** How often each result is there. */
  readonly #counts = new Map<string, number>()
  /** The result of each key, of a query whose results replace each other. */
  readonly #rows = new Map<number, string>()

  constructor(query: QueryName, range: EventRange) {
    const { updates, reads } = queries[query]
    this.#updates = updates
    this.#lastMs = Math.min(...reads.map((kind) => lastMsOf(kind, range)))
  }

  /** Null takes back what the key had. Windows that are open when the events end are left out: some systems close them. */
  add(key: number, value: object | null): void {
    if (value && 'windowEndMs' in value && Number(value.windowEndMs) > this.#lastMs) return
    const text = `${key}: ${JSON.stringify(value)}`
    if (!this.#updates) this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1)
    else if (value === null) this.#rows.delete(key)
    else this.#rows.set(key, text)
  }

  /** How many different ones there are. */
  get size(): number {
    return this.#updates ? this.#rows.size : this.#counts.size
  }

  /** Throws, with some of them, where a result is missing, is there too often, or should not be there. */
  check(expected: FinalResults): void {
    const differences = differencesOf(this.#all, expected.#all)
    if (differences.length === 0) return
    const told = differences.slice(0, toldMax).join('; ')
    throw new Error(`${differences.length} of ${expected.size} results are wrong: ${told}`)
  }

  get #all(): ReadonlyMap<string, number> {
    return this.#updates ? new Map([...this.#rows.values()].map((text) => [text, 1])) : this.#counts
  }
}

/** What the query must come to, by plain loops. */
export function expectedResults(query: QueryName, range: EventRange): FinalResults {
  const results = new FinalResults(query, range)
  const take = plainQueries[query]((key, value) => results.add(key, value))
  for (let i = 0; i < range.events; i++) take(eventAt(i, range.eventsPerS))
  return results
}

function differencesOf(counts: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): string[] {
  const differences: string[] = []
  for (const [text, count] of expected) {
    const actual = counts.get(text) ?? 0
    if (actual !== count) differences.push(`${text} is there ${actual} times, not ${count}`)
  }
  for (const text of counts.keys()) if (!expected.has(text)) differences.push(`${text} should not be there`)
  return differences
}

/** When the last event of that kind comes; never: there is none. */
function lastMsOf(kind: NexmarkEvent['kind'], { events, eventsPerS }: EventRange): number {
  for (let i = events - 1; i >= 0; i--) {
    const event = eventAt(i, eventsPerS)
    if (event.kind === kind) return event.value.dateTime
  }
  return Number.NEGATIVE_INFINITY
}
