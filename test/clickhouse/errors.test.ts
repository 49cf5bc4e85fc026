import { expect, test } from 'vitest'
import { translateError } from '../../src/clickhouse/errors.ts'

test.each([
  Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' }),
  Object.assign(new Error('connect ENFILE'), { code: 'ENFILE' }),
  new Error(
    'Code: 76. DB::Exception: Cannot open file /data/a.bin: errno: 24, strerror: Too many open files. (CANNOT_OPEN_FILE)',
  ),
])('descriptors that are used up come back: %s', (error) => {
  expect(translateError(error)).toMatchObject({ code: 'CLICKHOUSE_UNREACHABLE', retryable: true })
})

test('what was answered is said in a line, however long it is', () => {
  expect(translateError(new Error('<html>'.repeat(100_000))).message.length).toBeLessThan(1_000)
})

test('an answer without a word is told as that', () => {
  expect(translateError(new Error('')).message).toBe(
    'ClickHouse: what answered said no more than that it failed',
  )
})
