import { describe, expect, test } from 'vitest'
import { messageOf, RivuletError } from '../src/errors.ts'
import { shown } from '../src/shown.ts'

const large = 'A'.repeat(1_000_000)
const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000))

describe('what is said of data', () => {
  test.each([
    ['an error of ours', new RivuletError('DECODE_FAILED', large).message],
    ["somebody else's error", messageOf(new Error(large))],
    ['a text that was thrown', messageOf(large)],
    ['an object that was thrown', messageOf({ large })],
    ['a value', shown(large)],
  ])('is short, however large they are: %s', (_, sentence) => {
    expect(sentence.length).toBeLessThan(5_000)
    expect(sentence).toContain('AAA')
  })

  test('is said of any value', () => {
    expect([deep, 5n, Number.NaN, undefined, null, Symbol('s'), Object.create(null)].map(shown)).toEqual([
      '[object Array]',
      '5n',
      'NaN',
      'undefined',
      'null',
      'Symbol(s)',
      '{}',
    ])
  })
})
