import { expect, test } from 'vitest'
import { pageModule } from '../support/page-module.ts'

const { choicesOf, searchOf } = await pageModule<{
  choicesOf: (search: string) => Record<string, unknown>
  searchOf: (choices: Record<string, unknown>) => string
}>('choices.js')

test('takes what is no choice for none', () => {
  const none = choicesOf('')
  expect(none).toEqual({
    range: '60',
    layout: 'each',
    kind: 'line',
    interval: '60',
    theme: 'auto',
    symbol: null,
    zoom: null,
    kiosk: false,
  })
  for (const search of ['?range=7', '?layout=constructor', '?zoom=5-5', '?zoom=6-5', '?zoom=a-b', '?symbol='])
    expect(choicesOf(search)).toEqual(none)
})

test.each([
  '',
  '?kiosk',
  '?range=0&layout=one&kind=candles&interval=900&theme=dark&symbol=BTC&zoom=1769882400123-1769882460000&kiosk',
])('writes what it has read: %s', (search) => {
  expect(searchOf(choicesOf(search))).toBe(search)
})
