import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { Drive, out, text } from '../support/drive.ts'

const counts = topic('counts', { key: serdes.string, value: serdes.nullable(serdes.long) })
const [first, second] = [0, 1].map((i) => (value: string) => value.split(':')[i] || null) as [
  (value: string) => string | null,
  (value: string) => string | null,
]

function log(versionedMs?: number): Drive {
  return new Drive(({ table }) => {
    table(text('t'), versionedMs === undefined ? {} : { versionedMs })
      .groupBy('group', (value) => [first(value), second(value)])
      .aggregate('log', {
        initializer: () => '',
        adder: (aggregate, value) => `${aggregate}+${value}`,
        subtractor: (aggregate, value) => `${aggregate}-${value}`,
      })
      .toStream()
      .to(out)
  })
}

describe('a grouped table', () => {
  test('rule 12: subtracts the old value, then adds the new one, in one step if the group stays', () => {
    expect(log().step('t:k=g:1@1', 't:k=g:2@2', 't:k=h:3@3', 't:k=@4')).toEqual([
      ['g=+1@1'],
      ['g=+1-1+2@2'],
      ['g=+1-1+2-2@3', 'h=+3@3'],
      ['h=+3-3@4'],
    ])
  })

  test('puts a row with a null group or a null value in no group', () => {
    expect(log().step('t:k=g:1@1', 't:k=g:@2', 't:k=:5@3', 't:k=g:6@4')).toEqual([
      ['g=+1@1'],
      ['g=+1-1@2'],
      [],
      ['g=+1-1+6@4'],
    ])
  })

  test('rule 27: ignores what is out of order in a versioned table, without counting it', () => {
    const drive = log(1_000)
    expect(drive.step('t:k=g:1@10', 't:k=h:2@3', 't:k=h:3@12')).toEqual([
      ['g=+1@10'],
      [],
      ['g=+1-1@12', 'h=+3@12'],
    ])
    expect(drive.dropped).toBe(0)
  })

  test('rule 24: the first update of a count has 0 as its old value, and a regrouping subtracts it', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .groupByKey()
        .count('c')
        .groupBy('parity', (count) => [count % 2 === 0 ? 'even' : 'odd', count])
        .count('histogram')
        .toStream()
        .to(counts)
    })
    expect(drive.step('s:a=x@1', 's:a=x@2', 's:b=x@3')).toEqual([
      ['even=@1', 'odd=1@1'],
      ['odd=0@2', 'even=1@2'],
      ['even=0@3', 'odd=1@3'],
    ])
  })

  test('rule 24: a reduce has no old value at first', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .mapValues((value) => value ?? '')
        .groupByKey()
        .reduce('r', (a, b) => a + b)
        .groupBy('all', (value) => ['all', value])
        .aggregate('log', {
          initializer: () => '',
          adder: (a, value) => `${a}+${value}`,
          subtractor: (a, value) => `${a}-${value}`,
        })
        .toStream()
        .to(out)
    })
    expect(drive.step('s:a=x@1', 's:a=y@2')).toEqual([['all=+x@1'], ['all=+x-x+xy@2']])
  })

  test('reduces with an adder and a subtractor, and keeps the timestamp that is the largest', () => {
    const sum = topic('sum', { key: serdes.string, value: serdes.nullable(serdes.long) })
    const drive = new Drive(({ table }) => {
      table(text('t'))
        .groupBy('all', (value) => ['all', Number(value)])
        .reduce('sum', { adder: (a, b) => a + b, subtractor: (a, b) => a - b })
        .toStream()
        .to(sum)
    })
    expect(drive.step('t:a=5@9', 't:b=2@3', 't:a=@4')).toEqual([['all=5@9'], ['all=7@9'], ['all=2@9']])
  })
})
