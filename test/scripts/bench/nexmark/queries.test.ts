import { TestDriver } from 'rivulet/testing'
import { describe, expect, test } from 'vitest'
import { eventAt } from '../../../../scripts/bench/nexmark/events.ts'
import { expectedResults, FinalResults } from '../../../../scripts/bench/nexmark/final-results.ts'
import { type QueryName, queries, queryNames } from '../../../../scripts/bench/nexmark/queries/queries.ts'
import { keyOf, nexmarkTopics } from '../../../../scripts/bench/nexmark/topics.ts'

/** A minute of time: six tumbling windows. */
const range = { events: 6_000, eventsPerS: 100 }
/** So many results there are, at least: else nothing would have been compared. */
const resultsMin: Readonly<Record<QueryName, number>> = {
  ...{ q0: 5_000, q1: 5_000, q2: 10, q3: 20, q5: 20, q7: 5, q8: 20 },
}
const topics = nexmarkTopics('')

describe('Nexmark', () => {
  test.each(queryNames)('%s comes to what plain loops come to, record by record', (name) => {
    const query = queries[name]
    const driver = new TestDriver(query.topology({ application: name, topics, output: 'out' }))
    for (let i = 0; i < range.events; i++) {
      const event = eventAt(i, range.eventsPerS)
      if (!query.reads.includes(event.kind)) continue
      const { value } = event
      driver.pipe(topics[event.kind].name, { key: keyOf(event), value, timestampMs: value.dateTime })
    }
    const results = new FinalResults(name, range)
    for (const { key, value } of driver.read('out')) results.add(key as number, value as object | null)
    const expected = expectedResults(name, range)
    results.check(expected)
    expect(expected.size).toBeGreaterThanOrEqual(resultsMin[name])
  })
})
