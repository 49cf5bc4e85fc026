import { GlobalTable } from '../../../src/stream/global-table.ts'
import { Stream } from '../../../src/stream/stream.ts'
import { Table } from '../../../src/stream/table.ts'
import { within } from '../../../src/windows/join-window.ts'
import { type BuildContext, type OpBuilder, present, required } from '../builder.ts'
import type { Operator } from '../case.ts'
import { joinerOf, keyMapperOf } from '../functions.ts'
import { serdeOf } from '../types.ts'
import { storeOptions } from './tables.ts'

/** Joins of all kinds. */
export const joinOps: readonly OpBuilder[] = [
  ...(['join', 'leftJoin', 'outerJoin'] as const).map((op) => streamJoin(op)),
  ...(['join', 'leftJoin', 'outerJoin'] as const).map((op) => tableJoin(op)),
]

function streamJoin(op: 'join' | 'leftJoin' | 'outerJoin'): OpBuilder {
  return {
    op,
    of: Stream,
    build(operator, context) {
      const { dsl, key, value } = context.element(operator.of, Stream)
      const { id, joiner, type } = joinOf(operator)
      const join = (l: unknown, r: unknown, k: unknown) => joiner.call(k, l, r)
      const known = { key: serdeOf<NonNullable<unknown>>(key), left: serdeOf<NonNullable<unknown>>(value) }
      const options = { ...known, value: serdeOf(type) }
      const of = { key, value: type }
      if (context.is(operator.with, Stream)) {
        const other = context.element(operator.with, Stream)
        const window = joinWindowOf(operator)
        const all = { ...options, right: serdeOf<NonNullable<unknown>>(other.value) }
        if (op === 'outerJoin') return { dsl: dsl.outerJoin(id, other.dsl, join, window, all), ...of }
        const joined =
          op === 'join'
            ? dsl.join(id, other.dsl, join, window, all)
            : dsl.leftJoin(id, other.dsl, join, window, all)
        return { dsl: joined, ...of }
      }
      if (op === 'outerJoin') throw new Error('only streams and tables join outer')
      if (context.is(operator.with, GlobalTable)) {
        const mapper = keyMapperOf(operator.keyMapper)
        const on = { foreignKey: (v: unknown, k: unknown) => mapper.call(k, v) }
        const { dsl: table } = context.element(operator.with, GlobalTable)
        const joined = op === 'join' ? dsl.join(id, table, on, join) : dsl.leftJoin(id, table, on, join)
        return { dsl: joined, ...of }
      }
      const { graceMs } = operator
      const { dsl: table } = context.element(operator.with, Table)
      const all = { ...options, ...present({ graceMs }) }
      const joined = op === 'join' ? dsl.join(id, table, join, all) : dsl.leftJoin(id, table, join, all)
      return { dsl: joined, ...of }
    },
  }
}

function tableJoin(op: 'join' | 'leftJoin' | 'outerJoin'): OpBuilder {
  return {
    op,
    of: Table,
    build(operator, context: BuildContext) {
      const { dsl, key } = context.element(operator.of, Table)
      const other = context.element(operator.with, Table).dsl
      const { id, joiner, type } = joinOf(operator)
      const join = (l: unknown, r: unknown, k: unknown) => joiner.call(k, l, r)
      const options = storeOptions(operator.store, type)
      const of = { key, value: type }
      if (op === 'outerJoin') return { dsl: dsl.outerJoin(id, other, join, options), ...of }
      if (operator.foreignKey === undefined) {
        const joined =
          op === 'join' ? dsl.join(id, other, join, options) : dsl.leftJoin(id, other, join, options)
        return { dsl: joined, ...of }
      }
      const mapper = keyMapperOf(operator.foreignKey)
      const on = { foreignKey: (v: unknown, k: unknown) => mapper.call(k, v) }
      const joined =
        op === 'join' ? dsl.join(id, other, on, join, options) : dsl.leftJoin(id, other, on, join, options)
      return { dsl: joined, ...of }
    },
  }
}

function joinOf(operator: Operator) {
  const joiner = joinerOf(operator.joiner)
  return { id: required(operator.id, 'id'), joiner, type: joiner.type('string', 'string') }
}

function joinWindowOf({ window }: Operator) {
  const found = required(window, 'window')
  if ('kind' in found) throw new Error('the window of a join has no kind')
  return within(found)
}
