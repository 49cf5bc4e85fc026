import { type Kafka, serdes } from 'rivulet'
import { type EventRange, FinalResults } from './final-results.ts'
import type { QueryName } from './queries/queries.ts'

const values = serdes.nullable(serdes.json<object>())

/** What a query has written, as readers of committed records see it. */
export async function readResults(
  kafka: Kafka,
  output: string,
  query: QueryName,
  range: EventRange,
): Promise<FinalResults> {
  const results = new FinalResults(query, range)
  const [partition] = await kafka.admin.offsets(output)
  const toOffset = partition?.endOffset ?? 0
  await kafka.read(output, 0, { toOffset }).forEach(({ chunk }) => {
    for (let i = 0; i < chunk.keys.length; i++) {
      const [key, value] = [chunk.keys.at(i), chunk.values.at(i)]
      if (!key) throw new Error(`a result in ${output} has no key`)
      results.add(serdes.long.deserialize(key), value && values.deserialize(value))
    }
  })
  return results
}
