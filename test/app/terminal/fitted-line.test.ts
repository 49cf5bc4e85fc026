import { expect, test } from 'vitest'
import { fittedLine, widthOf } from '../../../src/app/terminal/fitted-line.ts'

test.each([
  ['plain', 5],
  ['naïve', 5],
  ['e\u0301', 1],
  ['日本', 4],
  ['🙂', 2],
  ['·→…', 3],
])('%s takes at most %i columns', (text, columns) => {
  expect(widthOf(text)).toBe(columns)
})

test('what fits stays as it is, and what does not ends with an ellipsis in the last column', () => {
  expect(fittedLine('twelve signs', 12)).toBe('twelve signs')
  expect(fittedLine('twelve signs', 11)).toBe('twelve sig…')
  expect(fittedLine('日本語', 5)).toBe('日本…')
})

test('what could move the cursor, colour the screen, break the line or turn the text round is taken out', () => {
  expect(fittedLine('a\x1b[2Jb\nc\u202ed\u2028e\x9bf', 80)).toBe('a [2Jb c d e f')
})
