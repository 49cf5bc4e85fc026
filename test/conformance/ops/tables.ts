import { GroupedTable } from '../../../src/stream/grouped-table.ts'
import { Stream } from '../../../src/stream/stream.ts'
import { Table } from '../../../src/stream/table.ts'
import { topic } from '../../../src/stream/topic.ts'
import { type OpBuilder, present, required } from '../builder.ts'
import type { Operator } from '../case.ts'
import { aggregatorOf, keyMapperOf, predicateOf, reducerOf, valueMapperOf } from '../functions.ts'
import { serdeOf, topicSerdeOf, type ValueType } from '../types.ts'

/** Tables, global tables, and what is done to each row. */
export const tableOps: readonly OpBuilder[] = [
  {
    op: 'table',
    build(operator, { declare }) {
      const key = required(operator.key, 'key')
      const value = required(operator.value, 'value')
      const { store, versionedMs } = operator
      const dsl = declare.table(sourceTopic(operator), present({ store, versionedMs }))
      return { dsl, key, value }
    },
  },
  {
    op: 'globalTable',
    build(operator, { declare }) {
      const key = required(operator.key, 'key')
      const value = required(operator.value, 'value')
      const { store } = operator
      return { dsl: declare.globalTable(sourceTopic(operator), present({ store })), key, value }
    },
  },
  {
    op: 'toTable',
    of: Stream,
    build({ id, of, store }, { element }) {
      const { dsl, key, value } = element(of, Stream)
      return { dsl: dsl.toTable(required(id, 'id'), tableOptions(store, key, value)), key, value }
    },
  },
  {
    op: 'filter',
    of: Table,
    build({ id, of, store, predicate }, { element }) {
      const holds = predicateOf(predicate)
      const { dsl, key, value } = element(of, Table)
      const options = storeOptions(store, value)
      return { dsl: dsl.filter(required(id, 'id'), (v, k) => holds(k, v), options), key, value }
    },
  },
  {
    op: 'filterNot',
    of: Table,
    build({ id, of, store, predicate }, { element }) {
      const holds = predicateOf(predicate)
      const { dsl, key, value } = element(of, Table)
      const options = storeOptions(store, value)
      return { dsl: dsl.filterNot(required(id, 'id'), (v, k) => holds(k, v), options), key, value }
    },
  },
  {
    op: 'mapValues',
    of: Table,
    build({ id, of, store, valueMapper }, { element }) {
      const mapper = valueMapperOf(valueMapper)
      const { dsl, key, value } = element(of, Table)
      const type = mapper.type(key, value)
      const options = storeOptions(store, type)
      return {
        dsl: dsl.mapValues(required(id, 'id'), (v, k) => mapper.call(k, v), options),
        key,
        value: type,
      }
    },
  },
  {
    op: 'groupBy',
    of: Table,
    build(operator, { element }) {
      const keyMapper = keyMapperOf(operator.keyMapper)
      const valueMapper = valueMapperOf(operator.valueMapper ?? 'identity')
      const { dsl, key, value } = element(operator.of, Table)
      const newKey = keyMapper.type(key, value)
      const newValue = valueMapper.type(key, value)
      const grouped = dsl.groupBy(
        required(operator.id, 'id'),
        (v, k) => [keyMapper.call(k, v), valueMapper.call(k, v)],
        { key: serdeOf<NonNullable<unknown>>(newKey), value: serdeOf<NonNullable<unknown>>(newValue) },
      )
      return { dsl: grouped, key: newKey, value: newValue }
    },
  },
  {
    op: 'count',
    of: GroupedTable,
    build({ id, of, store }, { element }) {
      const { dsl, key } = element(of, GroupedTable)
      return { dsl: dsl.count(required(id, 'id'), storeOptions(store, 'long')), key, value: 'long' }
    },
  },
  {
    op: 'reduce',
    of: GroupedTable,
    build(operator, { element }) {
      const adder = reducerOf(operator.reducer)
      const subtractor = reducerOf(operator.subtractor)
      const { dsl, key, value } = element(operator.of, GroupedTable)
      const type = adder.type(key, value)
      const reducers = {
        adder: (a: unknown, v: unknown) => adder.call(null, a, v),
        subtractor: (a: unknown, v: unknown) => subtractor.call(null, a, v),
      }
      const options = storeOptions(operator.store, type)
      return { dsl: dsl.reduce(required(operator.id, 'id'), reducers, options), key, value: type }
    },
  },
  {
    op: 'aggregate',
    of: GroupedTable,
    build(operator, { element }) {
      const adder = aggregatorOf(operator.aggregator)
      const subtractor = aggregatorOf(operator.subtractor)
      const init: unknown = operator.init ?? null
      const type = operator.type ?? (typeof init === 'number' ? 'long' : 'string')
      const { dsl, key } = element(operator.of, GroupedTable)
      const spec = {
        initializer: () => init,
        adder: (a: unknown, v: unknown, k: unknown) => adder.call(k, a, v),
        subtractor: (a: unknown, v: unknown, k: unknown) => subtractor.call(k, a, v),
      }
      const options = storeOptions(operator.store, type)
      return { dsl: dsl.aggregate(required(operator.id, 'id'), spec, options), key, value: type }
    },
  },
  {
    op: 'toStream',
    of: Table,
    build({ of, keyMapper }, { element }) {
      const { dsl, key, value } = element(of, Table)
      if (keyMapper === undefined) return { dsl: dsl.toStream(), key, value }
      const mapper = keyMapperOf(keyMapper)
      const keyed = dsl.toStream((v, k) => mapper.call(k, v))
      return { dsl: keyed, key: mapper.type(key, value), value }
    },
  },
]

function sourceTopic({ topic: name, key, value }: Operator) {
  return topic(required(name, 'topic'), {
    key: topicSerdeOf(required(key, 'key')),
    value: topicSerdeOf(required(value, 'value')),
  })
}

/** A step keeps its rows in a store only if the case names one. */
export function storeOptions<V>(store: string | undefined, type: ValueType) {
  return { value: serdeOf<V>(type), ...present({ store }) }
}

function tableOptions<V>(store: string | undefined, key: ValueType, type: ValueType) {
  return { ...storeOptions<V>(store, type), key: serdeOf<NonNullable<unknown>>(key) }
}
