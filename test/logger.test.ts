import { expect, test } from 'vitest'
import { createLogger } from '../src/logger.ts'

test('a line is short, whatever was thrown', () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const logger = createLogger({ level: 'info', readable: false, destination })
  logger.error({ err: new Error('A'.repeat(1_000_000)) }, 'it failed')
  expect(JSON.parse(lines.join(''))).toMatchObject({
    level: 'error',
    msg: 'it failed',
    err: { type: 'Error' },
  })
  expect(lines.join('').length).toBeLessThan(20_000)
})
