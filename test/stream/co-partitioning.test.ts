import { describe, expect, test } from 'vitest'
import { checkCoPartitioning } from '../../src/stream/co-partitioning.ts'
import { subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import type { Declare } from '../../src/stream/topology.ts'
import { within } from '../../src/windows/join-window.ts'
import { out, text, topologyOf } from '../support/drive.ts'

const joiner = (left: string | null, right: string | null) => `${left}+${right}`

function check(declare: (declare: Declare) => void, counts: Record<string, number>): void {
  checkCoPartitioning(subTopologiesOf(topologyOf(declare)), (input) => {
    const name = input.type === 'repartition' ? input.topicName : input.topic.name
    return [{ topic: name, partitions: counts[name] }]
  })
}

describe('co-partitioning', () => {
  test('rule 14: joined streams must have equally many partitions; the error names the step and the topics', () => {
    const declare = ({ stream }: Declare) =>
      stream(text('l'))
        .join('with payment', stream(text('r')), joiner, within({ ms: 1 }))
        .to(out)
    check(declare, { l: 4, r: 4 })
    expect(() => check(declare, { l: 4, r: 3 })).toThrow(
      '"with payment" brings together topics with different numbers of partitions, so equal keys would not meet: "l" has 4, "r" has 3',
    )
  })

  test('rule 14: so must a stream and its table, and two tables, also through steps that keep no rows', () => {
    const streamTable = ({ stream, table }: Declare) => stream(text('l')).join(table(text('r')), joiner)
    expect(() => check(streamTable, { l: 4, r: 3 })).toThrow('"l" has 4')
    const tables = ({ table }: Declare) =>
      table(text('l'))
        .filter(() => true)
        .outerJoin('j', table(text('r')).mapValues(String), joiner)
    check(tables, { l: 2, r: 2 })
    expect(() => check(tables, { l: 2, r: 1 })).toThrow('different numbers of partitions')
  })

  test('a global table may have any number', () => {
    check(
      ({ stream, globalTable }) => {
        const g = globalTable(text('r'))
        stream(text('l'))
          .join(g, { foreignKey: (value) => value }, joiner)
          .to(out)
      },
      { l: 4, r: 3 },
    )
  })

  test('the sides of a foreign-key join may differ, its own topics may not', () => {
    const declare = ({ table }: Declare) =>
      table(text('l')).join('j', table(text('r')), { foreignKey: (value) => value }, joiner)
    const right = { l: 4, r: 3, 'j-subscription-registration': 3, 'j-subscription-response': 4 }
    check(declare, right)
    expect(() => check(declare, { ...right, 'j-subscription-response': 3 })).toThrow(
      '"j-subscription-response" has 3',
    )
    expect(() => check(declare, { ...right, 'j-subscription-registration': 4 })).toThrow(
      '"j-subscription-registration" has 4',
    )
  })

  test('streams that are only merged may differ', () => {
    check(
      ({ stream }) =>
        stream(text('l'))
          .merge(stream(text('r')))
          .to(out),
      { l: 4, r: 3 },
    )
  })

  test('a repartitioned side is judged by its repartition topic', () => {
    const declare = ({ stream }: Declare) =>
      stream(text('l'))
        .selectKey((value) => value)
        .join('j', stream(text('r')), joiner, within({ ms: 1 }))
        .to(out)
    check(declare, { l: 9, r: 3, 'j-left-repartition': 3 })
    expect(() => check(declare, { l: 3, r: 3, 'j-left-repartition': 9 })).toThrow(
      '"j-left-repartition" has 9',
    )
  })
})
