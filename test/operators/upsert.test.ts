import { describe, expect, test } from 'vitest'
import { Drive, out, text } from '../support/drive.ts'

describe('a table of a topic', () => {
  test('rule 12: passes every update on, out of order or not, and tombstones of what was never there', () => {
    const drive = new Drive(({ table }) => table(text('t'), { store: 't' }).toStream().to(out))
    expect(drive.step('t:a=new@10', 't:a=old@3', 't:b=@4')).toEqual([['a=new@10'], ['a=old@3'], ['b=@4']])
    expect(drive.driver.store('t')?.size).toBe(1)
  })

  test('drops and counts a null key', () => {
    const drive = new Drive(({ table }) => table(text('t')).toStream().to(out))
    expect(drive.step('t:=x@1', 't:=@2')).toEqual([[], []])
    expect(drive.dropped).toBe(2)
  })

  test('keeps no store that nobody asks for', () => {
    const drive = new Drive(({ table }) => table(text('t')).toStream().to(out))
    drive.step('t:a=x@1')
    expect(drive.driver.store('table t')).toBeUndefined()
  })

  test('rule 27: a versioned one forwards what is out of order, and drops what is older than its history', () => {
    const drive = new Drive(({ table }) => {
      const t = table(text('t'), { versionedMs: 10 })
      t.toStream().to(out)
      t.dropped$
        .mapValues(({ reason }) => reason)
        .map((reason) => [null, reason] as const)
        .to(text('dropped'))
    })
    expect(drive.step('t:a=x@20', 't:a=y@15', 't:a=z@9')).toEqual([['a=x@20'], ['a=y@15'], ['=late@9']])
    expect(drive.dropped).toBe(1)
  })

  test('rule 15: of a stream whose key may have changed, is made behind a repartition topic', () => {
    const drive = new Drive(({ stream }) => {
      stream(text('s'))
        .selectKey((value) => value)
        .toTable('latest')
        .toStream()
        .to(out)
    })
    expect(drive.step('s:a=x@5', 's:b=@6')).toEqual([['x=x@5'], []])
    expect(drive.driver.subTopologies).toHaveLength(2)
    expect(drive.dropped).toBe(0)
  })
})
