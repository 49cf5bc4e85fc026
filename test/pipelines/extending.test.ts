import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('docs/extending.md', 'utf8')
const excerpts = [...page.matchAll(/<!-- from (\S+) -->\n```typescript\n([\s\S]*?)```/g)]

test('the page on what one can write has its excerpts from the examples', () => {
  expect(excerpts.map(([, file]) => file)).toEqual([
    'pipelines/iot/file-sink.ts',
    'pipelines/iot/sensor-readings.ts',
  ])
  for (const [, file = '', excerpt = ''] of excerpts) expect(readFileSync(file, 'utf8')).toContain(excerpt)
})
