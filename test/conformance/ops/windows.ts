import {
  CogroupedStream,
  SessionWindowedCogroup,
  TimeWindowedCogroup,
} from '../../../src/stream/cogrouped-stream.ts'
import { GroupedStream } from '../../../src/stream/grouped-stream.ts'
import type { RepartitionOptions } from '../../../src/stream/repartition.ts'
import { SessionWindowedStream } from '../../../src/stream/session-windowed-stream.ts'
import type { WindowedStoreOptions } from '../../../src/stream/store-options.ts'
import { Stream } from '../../../src/stream/stream.ts'
import { untilTimeLimit, untilWindowCloses } from '../../../src/stream/suppression.ts'
import { Table, WindowedTable } from '../../../src/stream/table.ts'
import { TimeWindowedStream } from '../../../src/stream/time-windowed-stream.ts'
import { hopping, session, sliding, tumbling } from '../../../src/windows/windows.ts'
import { type OpBuilder, present, required } from '../builder.ts'
import type { Operator } from '../case.ts'
import { aggregatorOf, keyMapperOf, mergerOf, reducerOf } from '../functions.ts'
import { serdeOf, topicSerdeOf, type ValueType } from '../types.ts'

/** Grouping, windows, aggregation and suppression. */
export const windowOps: readonly OpBuilder[] = [
  {
    op: 'groupByKey',
    of: Stream,
    build({ id, of }, { element }) {
      const { dsl, key, value } = element(of, Stream)
      return { dsl: dsl.groupByKey(required(id, 'id'), groupOptions(key, value)), key, value }
    },
  },
  {
    op: 'groupBy',
    of: Stream,
    build({ id, of, keyMapper }, { element }) {
      const mapper = keyMapperOf(keyMapper)
      const { dsl, key, value } = element(of, Stream)
      const newKey = mapper.type(key, value)
      const options = groupOptions(newKey, value)
      const grouped = dsl.groupBy(required(id, 'id'), (v, k) => mapper.call(k, v), options)
      return { dsl: grouped, key: newKey, value }
    },
  },
  {
    op: 'cogroup',
    build({ inputs }, { element }) {
      const [first, ...others] = required(inputs, 'inputs').map((input) => {
        const { call } = aggregatorOf(input.aggregator)
        const aggregator = (a: unknown, v: unknown, k: unknown) => call(k, a, v)
        return { ...element(input.of, GroupedStream), aggregator }
      })
      const { dsl, key, value, aggregator } = required(first, 'inputs')
      const cogrouped = others.reduce(
        (all, other) => all.cogroup(other.dsl, other.aggregator),
        dsl.cogroup<unknown>(aggregator),
      )
      return { dsl: cogrouped, key, value }
    },
  },
  {
    op: 'windowedBy',
    of: GroupedStream,
    build(operator, { element }) {
      const { dsl, key, value } = element(operator.of, GroupedStream)
      const windows = windowsOf(operator)
      const options = present({ emit: operator.emit })
      const windowed =
        windows.kind === 'session' ? dsl.windowedBy(windows, options) : dsl.windowedBy(windows, options)
      return { dsl: windowed, key, value }
    },
  },
  {
    op: 'windowedBy',
    of: CogroupedStream,
    build(operator, { element }) {
      if (operator.emit) throw new Error('a cogroup emits on update only, in Kafka Streams too')
      const { dsl, key, value } = element(operator.of, CogroupedStream)
      const windows = windowsOf(operator)
      return {
        dsl: windows.kind === 'session' ? dsl.windowedBy(windows) : dsl.windowedBy(windows),
        key,
        value,
      }
    },
  },
  ...[GroupedStream, TimeWindowedStream, SessionWindowedStream].flatMap(aggregationsOf),
  {
    op: 'aggregate',
    of: CogroupedStream,
    build(operator, context) {
      const { dsl, key } = context.element(operator.of, CogroupedStream)
      const { id, initializer, type, options } = aggregateOf(operator)
      return { dsl: dsl.aggregate(id, initializer, options), key, value: type }
    },
  },
  {
    op: 'aggregate',
    of: TimeWindowedCogroup,
    build(operator, context) {
      const { dsl, key } = context.element(operator.of, TimeWindowedCogroup)
      const { id, initializer, type, options } = aggregateOf(operator)
      return { dsl: dsl.aggregate(id, initializer, options), key: { windowed: key }, value: type }
    },
  },
  {
    op: 'aggregate',
    of: SessionWindowedCogroup,
    build(operator, context) {
      const { dsl, key } = context.element(operator.of, SessionWindowedCogroup)
      const { id, initializer, type, options } = aggregateOf(operator)
      const merger = mergerOf(operator.merger)
      return { dsl: dsl.aggregate(id, initializer, merger, options), key: { windowed: key }, value: type }
    },
  },
  {
    op: 'suppress',
    of: Table,
    build({ id, of, until, limitMs, buffer }, { element, is }) {
      const name = required(id, 'id')
      if (until === 'timeLimit') {
        const table = element(of, Table)
        const limit = untilTimeLimit({ limitMs: required(limitMs, 'limitMs') })
        return {
          ...table,
          dsl: buffer ? table.dsl.suppress(name, limit, buffer) : table.dsl.suppress(name, limit),
        }
      }
      if (!is(of, WindowedTable)) throw new Error(`"${of}" has no windows that close`)
      const table = element(of, WindowedTable)
      if (buffer?.whenFull === 'emitEarly') throw new Error('final results are not emitted early')
      const dsl = buffer
        ? table.dsl.suppress(name, untilWindowCloses, { ...buffer, whenFull: 'shutDown' })
        : table.dsl.suppress(name, untilWindowCloses)
      return { ...table, dsl }
    },
  },
]

/** What the stages that aggregate have in common. */
interface Aggregating {
  count(name: string, options: WindowedStoreOptions<number>): object
  reduce(
    name: string,
    reducer: (a: unknown, v: unknown) => unknown,
    options: WindowedStoreOptions<unknown>,
  ): object
  aggregate(
    name: string,
    spec: {
      initializer: () => unknown
      aggregator: (a: unknown, v: unknown, k: unknown) => unknown
      merger: (a: unknown, b: unknown) => unknown
    },
    options: WindowedStoreOptions<unknown>,
  ): object
}

function aggregationsOf(stage: abstract new (...args: never[]) => Aggregating): OpBuilder[] {
  const keyOf = (key: ValueType): ValueType => (stage.name === GroupedStream.name ? key : { windowed: key })
  return [
    {
      op: 'count',
      of: stage,
      build(operator, { element }) {
        const { dsl, key } = element(operator.of, stage)
        const id = required(operator.id, 'id')
        return { dsl: dsl.count(id, storeOptions(operator, 'long')), key: keyOf(key), value: 'long' }
      },
    },
    {
      op: 'reduce',
      of: stage,
      build(operator, { element }) {
        const { dsl, key, value } = element(operator.of, stage)
        const reducer = reducerOf(operator.reducer)
        const type = reducer.type(key, value)
        const reduce = (a: unknown, v: unknown) => reducer.call(null, a, v)
        const table = dsl.reduce(required(operator.id, 'id'), reduce, storeOptions(operator, type))
        return { dsl: table, key: keyOf(key), value: type }
      },
    },
    {
      op: 'aggregate',
      of: stage,
      build(operator, { element }) {
        const { dsl, key } = element(operator.of, stage)
        const { call } = aggregatorOf(operator.aggregator)
        const { id, initializer, type, options } = aggregateOf(operator)
        const merger = operator.merger === undefined ? () => null : mergerOf(operator.merger)
        const aggregator = (a: unknown, v: unknown, k: unknown) => call(k, a, v)
        const table = dsl.aggregate(id, { initializer, aggregator, merger }, options)
        return { dsl: table, key: keyOf(key), value: type }
      },
    },
  ]
}

function groupOptions(key: ValueType, value: ValueType): RepartitionOptions<NonNullable<unknown>, unknown> {
  return { key: serdeOf(key), value: topicSerdeOf(value) }
}

function storeOptions<A>({ store, retentionMs }: Operator, type: ValueType): WindowedStoreOptions<A> {
  return { value: serdeOf(type), ...present({ store, retentionMs }) }
}

/** The type of an aggregate is told by `type`, or by its initial value. */
function aggregateOf(operator: Operator) {
  const init: unknown = operator.init ?? null
  const type: ValueType = operator.type ?? (typeof init === 'number' ? 'long' : 'string')
  return {
    id: required(operator.id, 'id'),
    initializer: () => init,
    type,
    options: storeOptions<unknown>(operator, type),
  }
}

function windowsOf({ window }: Operator) {
  const windows = required(window, 'window')
  if (!('kind' in windows)) throw new Error('the window has no kind')
  if (windows.kind === 'tumbling') return tumbling(windows)
  if (windows.kind === 'hopping') return hopping(windows)
  return windows.kind === 'sliding' ? sliding(windows) : session(windows)
}
