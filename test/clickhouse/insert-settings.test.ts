import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CallOptions, ClickHouse, QueryParams } from '../../src/clickhouse/client.ts'
import { latestSettings, settleInsertSettings } from '../../src/clickhouse/insert-settings.ts'
import { RivuletError } from '../../src/errors.ts'
import { startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'

let engine: TestClickHouse
beforeAll(async () => {
  engine = await startTestClickHouse()
})
afterAll(() => engine.close())

/** The engine, but for its settings as queries see them. */
function answering(settingsOf: (given: CallOptions['settings']) => readonly object[]): ClickHouse {
  return {
    ...engine.embedded,
    query: async <T>(_sql: string, _params?: QueryParams, options?: CallOptions) =>
      settingsOf(options?.settings) as T[],
  }
}

describe.each(['embedded', 'server'] as const)('the settings of an insert, %s', (kind) => {
  test('are those that this version knows, and that a query may have', async () => {
    const settings = await settleInsertSettings(engine[kind], 'shop.orders', {})
    expect(settings).toMatchObject({ async_insert: 0, insert_deduplicate: 1, min_insert_block_size_bytes: 0 })
    expect(settings).not.toHaveProperty('insert_quorum')
  })

  test('want most replicas to have the rows on a cluster, and reads to see them', async () => {
    const cluster = { ...engine[kind], cluster: 'shops' }
    expect(await settleInsertSettings(cluster, 'shop.orders', {})).toMatchObject({
      insert_quorum: 'auto',
      insert_quorum_parallel: 0,
    })
    expect(latestSettings(cluster)).toMatchObject({ select_sequential_consistency: 1 })
    await engine[kind].query('SELECT 1', {}, { settings: latestSettings(cluster) })
  })
})

test('a setting that an older version does not know is not given', async () => {
  const known = ['async_insert', 'insert_deduplicate']
  const older = answering((given = { async_insert: 1, insert_deduplicate: 1 }) =>
    known.map((name) => ({ name, value: String(given[name]) })),
  )
  expect(await settleInsertSettings(older, 'shop.orders', {})).toEqual({
    async_insert: 0,
    insert_deduplicate: 1,
  })
})

test('a setting that does not hold, or that the user may not have, is a clear error at the start', async () => {
  const stubborn = answering(() => [{ name: 'insert_deduplicate', value: '0' }])
  await expect(settleInsertSettings(stubborn, 'shop.orders', {})).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('insert_deduplicate is 0, not 1'),
    place: { table: 'shop.orders' },
  })
  const constrained = answering((given) => {
    if (given && Object.keys(given).length > 0)
      throw new RivuletError('CLICKHOUSE_FAILED', 'Setting insert_deduplicate should not be changed')
    return [{ name: 'insert_deduplicate', value: '0' }]
  })
  await expect(settleInsertSettings(constrained, 'shop.orders', {})).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('should not be changed'),
  })
})

test('a server that is away while it is asked is asked again, not called badly set up', async () => {
  const away = answering(() => {
    throw new RivuletError('CLICKHOUSE_UNREACHABLE', 'away', { retryable: true })
  })
  await expect(settleInsertSettings(away, 'shop.orders', {})).rejects.toMatchObject({ retryable: true })
})
