import { describe, expect, test } from 'vitest'
import { Drive, out, text } from '../support/drive.ts'

const isLong = (value: string) => value.length > 1

describe('a filtered table', () => {
  test('rule 25: behind a store, sends a tombstone only for what was accepted', () => {
    const drive = new Drive(({ table }) => {
      table(text('t'), { store: 't' }).filter(isLong).toStream().to(out)
    })
    expect(drive.step('t:a=x@1', 't:a=xx@2', 't:a=y@3', 't:a=z@4', 't:a=@5')).toEqual([
      [],
      ['a=xx@2'],
      ['a=@3'],
      [],
      [],
    ])
  })

  test('rule 25: without a store before it, sends one for every rejected value', () => {
    const drive = new Drive(({ table }) => {
      table(text('t')).filter(isLong).toStream().to(out)
    })
    expect(drive.step('t:a=x@1', 't:a=xx@2', 't:b=@3')).toEqual([['a=@1'], ['a=xx@2'], ['b=@3']])
  })

  test('rule 25: a store that is made for a later step comes too late for the filter', () => {
    const drive = new Drive(({ table }) => {
      const t = table(text('t'))
      t.filter(isLong).toStream().to(out)
      t.join('later', table(text('r')), (l, r) => l + r)
    })
    expect(drive.step('t:a=x@1', 't:a=y@2')).toEqual([['a=@1'], ['a=@2']])
  })

  test('a join looks through it', () => {
    const drive = new Drive(({ table }) => {
      const t = table(text('t')).filter(isLong)
      table(text('r'))
        .join('j', t, (l, r) => `${l}+${r}`)
        .toStream()
        .to(out)
    })
    expect(drive.step('t:a=xx@1', 'r:a=1@2', 't:a=y@3', 'r:a=2@4')).toEqual([[], ['a=1+xx@2'], ['a=@3'], []])
  })

  test('a type guard narrows what is behind it', () => {
    const drive = new Drive(({ table }) => {
      const isX = (value: string): value is 'x' => value === 'x'
      const exactly: 'x'[] = []
      table(text('t'), { store: 't' })
        .filter(isX)
        .mapValues((value) => {
          exactly.push(value)
          return value
        })
        .toStream()
        .to(out)
    })
    expect(drive.step('t:a=x@1', 't:a=y@2')).toEqual([['a=x@1'], ['a=@2']])
  })
})

describe('a table with mapped values', () => {
  test('does not call the mapper for a tombstone', () => {
    const seen: string[] = []
    const drive = new Drive(({ table }) => {
      const mapped = table(text('t')).mapValues((value, key) => {
        seen.push(`${key}=${value}`)
        return `${value}!`
      })
      mapped.toStream().to(out)
    })
    expect(drive.step('t:a=x@1', 't:a=@2')).toEqual([['a=x!@1'], ['a=@2']])
    expect(seen).toEqual(['a=x'])
  })

  test('keeps its results in a store that is asked for', () => {
    const drive = new Drive(({ table }) => {
      table(text('t')).mapValues((value) => `${value}!`, { store: 'mapped' })
    })
    drive.step('t:a=x@1', 't:b=y@1', 't:b=@2')
    expect(drive.driver.store('mapped')?.size).toBe(1)
  })

  test('says where a throwing mapper was', () => {
    const drive = new Drive(({ table }) => {
      table(text('t')).mapValues('shout', () => {
        throw new Error('no voice')
      })
    })
    expect(() => drive.step('t:a=x@1')).toThrow('step "shout" threw at t/0 offset 0: no voice')
  })
})

describe("a table's changes as a stream", () => {
  test('may have a new key, which the mapper makes of the new value, null for a deleted row', () => {
    const drive = new Drive(({ table }) => {
      table(text('t'))
        .toStream('changes', (value, key) => value ?? `${key} is gone`)
        .to(out)
    })
    expect(drive.step('t:a=x@1', 't:a=@2')).toEqual([['x=x@1'], ['a is gone=@2']])
  })
})
