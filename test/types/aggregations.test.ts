import { describe, expectTypeOf, test } from 'vitest'
import type { Dropped } from '../../src/operators/operator.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { GroupedStream } from '../../src/stream/grouped-stream.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { untilWindowCloses } from '../../src/stream/suppression.ts'
import type { Table, WindowedTable } from '../../src/stream/table.ts'
import { topic } from '../../src/stream/topic.ts'
import type { Declare } from '../../src/stream/topology.ts'
import { session, sliding, tumbling } from '../../src/windows/windows.ts'

interface Trade {
  readonly price: number
}

const trades = topic('trades', { key: serdes.string, value: serdes.json<Trade>() })
const sum = { initializer: () => 0, aggregator: (total: number, { price }: Trade) => total + price }
const merger = (a: number, b: number) => a + b

/** What is checked here is checked by the compiler: nothing runs. */
function types(_check: (grouped: GroupedStream<string, Trade>, declare: Declare) => void): void {}

describe('the types of aggregations', () => {
  test('tell what is counted, reduced and aggregated, with and without windows', () => {
    types((grouped) => {
      expectTypeOf(grouped.count()).toEqualTypeOf<Table<string, number>>()
      expectTypeOf(grouped.reduce((a) => a)).toEqualTypeOf<Table<string, Trade>>()
      expectTypeOf(grouped.aggregate('sum', sum)).toEqualTypeOf<Table<string, number>>()
      const windowed = grouped.windowedBy(tumbling({ sizeMs: 1 }))
      expectTypeOf(windowed.count('per ms')).toEqualTypeOf<WindowedTable<string, number, Trade>>()
      expectTypeOf(windowed.reduce((a) => a)).toEqualTypeOf<WindowedTable<string, Trade, Trade>>()
      expectTypeOf(windowed.aggregate(sum)).toEqualTypeOf<WindowedTable<string, number, Trade>>()
      const sessions = grouped.windowedBy(session({ gapMs: 1 }))
      expectTypeOf(sessions.count()).toEqualTypeOf<WindowedTable<string, number, Trade>>()
      expectTypeOf(sessions.reduce('last', (_, b) => b)).toEqualTypeOf<WindowedTable<string, Trade, Trade>>()
      expectTypeOf(sessions.aggregate({ ...sum, merger })).toEqualTypeOf<
        WindowedTable<string, number, Trade>
      >()
    })
  })

  test('tell what came late, also behind what is made of the windows', () => {
    types((grouped) => {
      const counts = grouped.windowedBy(tumbling({ sizeMs: 1 })).count()
      type Late = Stream<string, Dropped<Trade>>
      expectTypeOf(counts.late$).toEqualTypeOf<Late>()
      const texts = counts.filter((count) => count > 1).mapValues(String)
      expectTypeOf(texts.suppress(untilWindowCloses).late$).toEqualTypeOf<Late>()
    })
  })

  test('of cogroups: one aggregate of several types of value', () => {
    types((grouped, { stream }) => {
      const words = stream(topic('words', { key: serdes.string, value: serdes.string })).groupByKey()
      const both = grouped.cogroup(sum.aggregator).cogroup(words, (total, word) => total + word.length)
      expectTypeOf(both.aggregate(() => 0)).toEqualTypeOf<Table<string, number>>()
      const sessions = both.windowedBy(session({ gapMs: 1 }))
      expectTypeOf(sessions.aggregate(() => 0, merger)).toEqualTypeOf<
        WindowedTable<string, number, Trade | string>
      >()
      expectTypeOf(both.windowedBy(tumbling({ sizeMs: 1 })).aggregate(() => 0).late$).toEqualTypeOf<
        Stream<string, Dropped<Trade | string>>
      >()
      // @ts-expect-error sessions merge
      sessions.aggregate(() => 0)
      const byNumber = stream(topic('numbers', { key: serdes.long, value: serdes.string })).groupByKey()
      // @ts-expect-error the groups have unlike keys
      both.cogroup(byNumber, (total) => total)
    })
  })

  test('forbid the wrong order', () => {
    types((grouped, { stream }) => {
      // @ts-expect-error an ungrouped stream has no aggregate
      stream(trades).count()
      // @ts-expect-error nor windows
      stream(trades).windowedBy(tumbling({ sizeMs: 1 }))
      // @ts-expect-error windows are aggregated, not filtered
      grouped.windowedBy(tumbling({ sizeMs: 1 })).filter(() => true)
      // @ts-expect-error they have no windows in them
      grouped.windowedBy(sliding({ differenceMs: 1 })).windowedBy(session({ gapMs: 1 }))
      // @ts-expect-error sessions merge
      grouped.windowedBy(session({ gapMs: 1 })).aggregate(sum)
      // @ts-expect-error a table without windows waits for none to close
      grouped.count().suppress(untilWindowCloses)
      // @ts-expect-error only windows are found by their retention
      grouped.count({ retentionMs: 1 })
    })
  })
})
