import { GroupedStream } from '../../../src/stream/grouped-stream.ts'
import type { RepartitionOptions } from '../../../src/stream/repartition.ts'
import { Stream } from '../../../src/stream/stream.ts'
import { TimeWindowedStream, type WindowStoreOptions } from '../../../src/stream/time-windowed-stream.ts'
import { hopping, type TimeWindows, tumbling } from '../../../src/windows/windows.ts'
import { type OpBuilder, present, required } from '../builder.ts'
import type { Operator } from '../case.ts'
import { aggregatorOf, keyMapperOf, reducerOf } from '../functions.ts'
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
    op: 'windowedBy',
    of: GroupedStream,
    build(operator, { element }) {
      const { dsl, key, value } = element(operator.of, GroupedStream)
      return { dsl: dsl.windowedBy(timeWindowsOf(operator)), key, value }
    },
  },
  {
    op: 'count',
    of: GroupedStream,
    build(operator, { element }) {
      const { dsl, key } = element(operator.of, GroupedStream)
      return {
        dsl: dsl.count(required(operator.id, 'id'), storeOptions(operator, 'long')),
        key,
        value: 'long',
      }
    },
  },
  {
    op: 'reduce',
    of: GroupedStream,
    build(operator, { element }) {
      const reducer = reducerOf(operator.reducer)
      const { dsl, key, value } = element(operator.of, GroupedStream)
      const type = reducer.type(key, value)
      const reduce = (a: unknown, v: unknown) => reducer.call(null, a, v)
      return {
        dsl: dsl.reduce(required(operator.id, 'id'), reduce, storeOptions(operator, type)),
        key,
        value: type,
      }
    },
  },
  {
    op: 'aggregate',
    of: GroupedStream,
    build(operator, { element }) {
      const { dsl, key } = element(operator.of, GroupedStream)
      const type = aggregateType(operator)
      return {
        dsl: dsl.aggregate(
          required(operator.id, 'id'),
          aggregationOf(operator),
          storeOptions(operator, type),
        ),
        key,
        value: type,
      }
    },
  },
  {
    op: 'count',
    of: TimeWindowedStream,
    build(operator, { element }) {
      const { dsl, key } = element(operator.of, TimeWindowedStream)
      return {
        dsl: dsl.count(required(operator.id, 'id'), storeOptions(operator, 'long')),
        key: { windowed: key },
        value: 'long',
      }
    },
  },
  {
    op: 'reduce',
    of: TimeWindowedStream,
    build(operator, { element }) {
      const reducer = reducerOf(operator.reducer)
      const { dsl, key, value } = element(operator.of, TimeWindowedStream)
      const type = reducer.type(key, value)
      const reduce = (a: unknown, v: unknown) => reducer.call(null, a, v)
      return {
        dsl: dsl.reduce(required(operator.id, 'id'), reduce, storeOptions(operator, type)),
        key: { windowed: key },
        value: type,
      }
    },
  },
  {
    op: 'aggregate',
    of: TimeWindowedStream,
    build(operator, { element }) {
      const { dsl, key } = element(operator.of, TimeWindowedStream)
      const type = aggregateType(operator)
      return {
        dsl: dsl.aggregate(
          required(operator.id, 'id'),
          aggregationOf(operator),
          storeOptions(operator, type),
        ),
        key: { windowed: key },
        value: type,
      }
    },
  },
]

function groupOptions(key: ValueType, value: ValueType): RepartitionOptions<NonNullable<unknown>, unknown> {
  return { key: serdeOf(key), value: topicSerdeOf(value) }
}

function storeOptions<A>({ store, retentionMs }: Operator, type: ValueType): WindowStoreOptions<A> {
  return { value: serdeOf(type), ...present({ store, retentionMs }) }
}

/** The type of an aggregate, which its initial value tells, or `type`. */
function aggregateType({ type, init }: Operator): ValueType {
  return type ?? (typeof init === 'number' ? 'long' : 'string')
}

function aggregationOf(operator: Operator) {
  const aggregator = aggregatorOf(operator.aggregator)
  const init: unknown = operator.init ?? null
  return {
    initializer: () => init,
    aggregator: (a: unknown, v: unknown, k: unknown) => aggregator.call(k, a, v),
  }
}

function timeWindowsOf({ window, emit }: Operator): TimeWindows {
  if (emit !== undefined) throw new Error('emission on close is not built yet')
  const windows = required(window, 'window')
  if (!('kind' in windows)) throw new Error('the window has no kind')
  if (windows.kind === 'tumbling') return tumbling(windows)
  if (windows.kind === 'hopping') return hopping(windows)
  throw new Error(`${windows.kind} windows are not built yet`)
}
