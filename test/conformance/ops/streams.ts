import { otherwise, Stream } from '../../../src/stream/stream.ts'
import { topic } from '../../../src/stream/topic.ts'
import { type OpBuilder, required } from '../builder.ts'
import { flatMapperOf, keyMapperOf, predicateOf, topicChooserOf, valueMapperOf } from '../functions.ts'
import { serdeOf, topicSerdeOf } from '../types.ts'

/** Sources, sinks, and what is done to each record of a stream alone. */
export const streamOps: readonly OpBuilder[] = [
  {
    op: 'stream',
    build(operator, { declare }) {
      const key = required(operator.key, 'key')
      const value = required(operator.value, 'value')
      const name = required(operator.topic, 'topic')
      const source = topic(name, { key: topicSerdeOf(key), value: topicSerdeOf(value) })
      const fromValue = operator.timestamps && { timestampMs: (v: unknown) => Number(v) }
      return { dsl: declare.stream(source, { name: `read ${name}`, ...fromValue }), key, value }
    },
  },
  {
    op: 'filter',
    of: Stream,
    build({ of, predicate }, { element }) {
      const holds = predicateOf(predicate)
      const stream = element(of, Stream)
      return { ...stream, dsl: stream.dsl.filter((v, k) => holds(k, v)) }
    },
  },
  {
    op: 'filterNot',
    of: Stream,
    build({ of, predicate }, { element }) {
      const holds = predicateOf(predicate)
      const stream = element(of, Stream)
      return { ...stream, dsl: stream.dsl.filterNot((v, k) => holds(k, v)) }
    },
  },
  {
    op: 'mapValues',
    of: Stream,
    build({ of, valueMapper }, { element }) {
      const mapper = valueMapperOf(valueMapper)
      const { dsl, key, value } = element(of, Stream)
      return { dsl: dsl.mapValues((v, k) => mapper.call(k, v)), key, value: mapper.type(key, value) }
    },
  },
  {
    op: 'map',
    of: Stream,
    build(operator, { element }) {
      const keyMapper = keyMapperOf(operator.keyMapper ?? 'identity')
      const valueMapper = valueMapperOf(operator.valueMapper ?? 'identity')
      const { dsl, key, value } = element(operator.of, Stream)
      return {
        dsl: dsl.map((v, k) => [keyMapper.call(k, v), valueMapper.call(k, v)]),
        key: keyMapper.type(key, value),
        value: valueMapper.type(key, value),
      }
    },
  },
  {
    op: 'selectKey',
    of: Stream,
    build({ of, keyMapper }, { element }) {
      const mapper = keyMapperOf(keyMapper)
      const { dsl, key, value } = element(of, Stream)
      return { dsl: dsl.selectKey((v, k) => mapper.call(k, v)), key: mapper.type(key, value), value }
    },
  },
  {
    op: 'flatMap',
    of: Stream,
    build({ of, flatMapper }, { element }) {
      const mapper = flatMapperOf(flatMapper)
      const { dsl, key, value } = element(of, Stream)
      return {
        dsl: dsl.flatMap((v, k) => mapper.call(k, v)),
        key: mapper.key(key),
        value: mapper.value(value),
      }
    },
  },
  {
    op: 'flatMapValues',
    of: Stream,
    build({ of, flatMapper }, { element }) {
      const mapper = flatMapperOf(flatMapper)
      const { dsl, key, value } = element(of, Stream)
      return {
        dsl: dsl.flatMapValues((v, k) => mapper.call(k, v).map((record) => record[1])),
        key,
        value: mapper.value(value),
      }
    },
  },
  {
    op: 'peek',
    of: Stream,
    build({ of }, { element }) {
      const stream = element(of, Stream)
      return { ...stream, dsl: stream.dsl.peek(() => {}) }
    },
  },
  {
    op: 'repartition',
    of: Stream,
    build({ id, of }, { element }) {
      const { dsl, key, value } = element(of, Stream)
      const serdes = { key: serdeOf(key), value: topicSerdeOf(value) }
      return { dsl: dsl.repartition(required(id, 'id'), serdes), key, value }
    },
  },
  {
    op: 'merge',
    of: Stream,
    build(operator, { element }) {
      const stream = element(operator.of, Stream)
      return { ...stream, dsl: stream.dsl.merge(element(operator.with, Stream).dsl) }
    },
  },
  {
    op: 'split',
    of: Stream,
    build(operator, { element, define }) {
      const stream = element(operator.of, Stream)
      const branches = required(operator.branches, 'branches').map(({ id, predicate }) => {
        const holds = predicateOf(predicate)
        return [id, (v: unknown, k: unknown) => holds(k, v)] as const
      })
      const rest = operator.default === undefined ? [] : [[operator.default, otherwise] as const]
      const streams = stream.dsl.split(Object.fromEntries([...branches, ...rest]))
      for (const [id, dsl] of Object.entries(streams)) define(id, { ...stream, dsl })
      return undefined
    },
  },
  {
    op: 'to',
    of: Stream,
    build(operator, { element }) {
      const { dsl, key, value } = element(operator.of, Stream)
      const serdes = { key: topicSerdeOf(key), value: topicSerdeOf(value) }
      if (operator.topicBy === undefined) {
        dsl.to(topic(required(operator.topic, 'topic'), serdes))
      } else {
        const chooser = topicChooserOf(operator.topicBy)
        dsl.to({ ...serdes, topicBy: (v, k) => chooser(k, v) })
      }
      return undefined
    },
  },
]
