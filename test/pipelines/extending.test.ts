import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('docs/extending.md', 'utf8')
const excerpts = [...page.matchAll(/<!-- (all of|from) (\S+) -->\n```typescript\n([\s\S]*?)```/g)]

test('the page on what one can write has the example as it is, and all of it', () => {
  expect(excerpts.map(([, , file]) => file)).toEqual([
    'pipelines/iot/file-sink.ts',
    'pipelines/iot.ts',
    'pipelines/iot/reading.ts',
    'pipelines/iot/sensor-hub.ts',
    'pipelines/iot/sensor-readings.ts',
    'pipelines/iot/simulated-hub.ts',
    'test/pipelines/iot/hand-hub.ts',
  ])
  for (const [, how, file = '', excerpt = ''] of excerpts) {
    const text = readFileSync(file, 'utf8')
    if (how === 'from') expect(text).toContain(excerpt)
    else expect(excerpt, file).toBe(text)
  }
})

test('the page has no code that is neither run nor held equal to a file', () => {
  expect(page.match(/^```t.*/gm)?.filter((fence) => fence === '```typescript')).toHaveLength(excerpts.length)
})
