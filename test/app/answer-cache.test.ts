import { expect, test } from 'vitest'
import { AnswerCache } from '../../src/app/answer-cache.ts'

test('asks once for all who ask at the same time', async () => {
  const cache = new AnswerCache({ bytesMax: 1000 })
  let asked = 0
  const ask = async () => `"${++asked}"`
  const answers = await Promise.all([cache.get('q', 'v1', ask), cache.get('q', 'v1', ask)])
  expect(answers.map(({ json }) => json)).toEqual(['"1"', '"1"'])
  expect(await cache.get('q', 'v1', ask)).toBe(answers[0])
})

test('asks again for another version or another question', async () => {
  const cache = new AnswerCache({ bytesMax: 1000 })
  let asked = 0
  const ask = async () => `"${++asked}"`
  await cache.get('q', 'v1', ask)
  await cache.get('q', 'v2', ask)
  await cache.get('r', 'v2', ask)
  expect(asked).toBe(3)
})

test('keeps no failure', async () => {
  const cache = new AnswerCache({ bytesMax: 1000 })
  await expect(cache.get('q', 'v1', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect((await cache.get('q', 'v1', async () => '1')).json).toBe('1')
})

test('forgets what was not asked for the longest time when it is full', async () => {
  const cache = new AnswerCache({ bytesMax: 400 })
  const asked: string[] = []
  const get = (question: string) =>
    cache.get(question, 'v', async () => {
      asked.push(question)
      return 'x'.repeat(90)
    })
  for (const question of ['a', 'b', 'c', 'd', 'a', 'e']) await get(question)
  asked.length = 0
  for (const question of ['a', 'e', 'd', 'c']) await get(question)
  expect(asked).toEqual([])
  await get('b')
  expect(asked).toEqual(['b'])
})

test('does not keep an answer that would push out all the others', async () => {
  const cache = new AnswerCache({ bytesMax: 400 })
  let asked = 0
  const ask = async () => {
    asked++
    return 'x'.repeat(200)
  }
  await cache.get('large', 'v', ask)
  await cache.get('large', 'v', ask)
  expect(asked).toBe(2)
})

test('gives equal answers equal tags and others others', async () => {
  const cache = new AnswerCache({ bytesMax: 1000 })
  const [a, b, c] = await Promise.all(
    ['[1]', '[1]', '[2]'].map((json, i) => cache.get(String(i), 'v', async () => json)),
  )
  expect(a!.etag).toBe(b!.etag)
  expect(a!.etag).not.toBe(c!.etag)
})
