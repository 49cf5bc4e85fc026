import { Table } from '../../../src/stream/table.ts'
import type { OpBuilder } from '../builder.ts'
import { keyMapperOf } from '../functions.ts'

/** Tables, global tables, and what is done to each row. */
export const tableOps: readonly OpBuilder[] = [
  {
    op: 'toStream',
    of: Table,
    build({ of, keyMapper }, { element }) {
      const { dsl, key, value } = element(of, Table)
      if (keyMapper === undefined) return { dsl: dsl.toStream(), key, value }
      const mapper = keyMapperOf(keyMapper)
      const keyed = dsl.toStream().selectKey((v, k) => mapper.call(k, v))
      return { dsl: keyed, key: mapper.type(key, value), value }
    },
  },
]
