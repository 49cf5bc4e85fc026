import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { type Click, lateClicks, sessions, visits } from '../../pipelines/sessions.ts'
import { TestDriver } from '../../src/testing/index.ts'
import { interruptExample } from './interrupt-example.ts'

function started() {
  const lines: string[] = []
  const driver = new TestDriver(sessions(NEVER, (line) => lines.push(line)))
  const click = (user: string, timestampMs: number, page = '/'): Click => ({ user, timestampMs, page })
  return {
    lines,
    driver,
    click: (...args: Parameters<typeof click>) => driver.emit('website', click(...args)),
    visits: () => driver.read(visits).map(({ key, value }) => ({ user: key, ...value })),
  }
}

describe('the example of session windows', () => {
  test('makes one visit of clicks that are at most 2 s apart, when 3 s have passed', () => {
    const { click, visits, lines } = started()
    click('ann', 1_000, '/')
    click('ann', 3_000, '/bread')
    click('bob', 5_999)
    expect(visits()).toEqual([])
    click('bob', 6_000)
    expect(visits()).toEqual([{ user: 'ann', pages: ['/', '/bread'], ms: 2_000 }])
    expect(lines).toEqual([
      'ann clicks /',
      'ann clicks /bread',
      'bob clicks /',
      'bob clicks /',
      'ann stayed 2000 ms: / /bread',
    ])
  })

  test('makes one visit of two where a click comes in between', () => {
    const { click, visits } = started()
    click('ann', 1_000, '/')
    click('ann', 3_500, '/basket')
    click('ann', 2_500, '/bread')
    click('bob', 10_000)
    expect(visits()).toEqual([{ user: 'ann', pages: ['/', '/basket', '/bread'], ms: 2_500 }])
  })

  test('shows a click whose visit is over, with how late it came', () => {
    const { click, visits, driver, lines } = started()
    click('ann', 1_000)
    click('bob', 10_000)
    click('ann', 2_000, '/cakes')
    expect(visits()).toMatchObject([{ user: 'ann', pages: ['/'], ms: 0 }])
    expect(driver.read(lateClicks).map(({ key, value }) => [key, value])).toEqual([
      ['ann', { click: { user: 'ann', page: '/cakes', timestampMs: 2_000 }, lateMs: 8_000 }],
    ])
    expect(lines.at(-1)).toBe('a click of ann came 8000 ms late: too late')
    expect(driver.dropped).toBe(1)
  })

  test('runs with one command, and drains on Ctrl-C', { timeout: 60_000 }, () =>
    interruptExample('sessions', /^ann clicks \/\nann clicks \/bread$/m),
  )
})
