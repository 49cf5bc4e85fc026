import { expect, test } from 'vitest'
import { TextCache } from '../../src/serdes/text-cache.ts'

test('a text is what stands there, however many others came before it', () => {
  const cache = new TextCache()
  const texts = Array.from({ length: 100_000 }, (_, i) => `${i % 7 === 0 ? 'sensor' : 's'}-${i}`)
  for (const round of [texts, texts.toReversed()]) {
    for (const text of round) {
      const bytes = Buffer.from(`<${text}>`)
      if (cache.read(bytes, 1, bytes.length - 1) !== text) expect.fail(text)
    }
  }
})

test('an empty text, and one that is longer than what is kept, are read as well', () => {
  const long = 'a text that is longer than what is worth looking for'
  const cache = new TextCache()
  expect(cache.read(Buffer.from(long), 0, 0)).toBe('')
  expect(cache.read(Buffer.from(long), 0, long.length)).toBe(long)
})
