import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { storeApi } from '../../src/app/store-api.ts'
import { RivuletError } from '../../src/errors.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { tumbling } from '../../src/windows/windows.ts'

const clicks = topic('clicks', { key: serdes.string, value: serdes.long })
const byNumber = topic('by-number', { key: serdes.long, value: serdes.string })

const app = topology('app', ({ stream, table }) => {
  const grouped = stream(clicks).groupByKey()
  grouped.count('per user')
  grouped.windowedBy(tumbling({ sizeMs: 60_000 })).count('per minute', { retentionMs: 600_000 })
  stream(clicks)
    .groupBy('by parity', (value) => ({ even: value % 2 === 0 }))
    .count('parity')
  stream(clicks)
    .groupBy('by size', (value) => (value > 5 ? 'large' : 'small'))
    .count('size')
  table(byNumber, { store: 'numbers' })
})

function api(): { driver: TestDriver; get(path: string): Promise<{ status: number; body: unknown }> } {
  const driver = new TestDriver(app)
  driver.pipe(
    clicks,
    { key: 'a/b', value: 7, timestampMs: 1_000 },
    { key: 'a/b', value: 8, timestampMs: 61_000 },
    { key: 'c', value: 2, timestampMs: 62_000 },
  )
  driver.pipe(byNumber, { key: -3, value: 'minus three', timestampMs: 5 })
  const hono = new Hono().route('/api', storeApi(driver))
  return {
    driver,
    async get(path) {
      const response = await hono.request(`/api${path}`)
      return { status: response.status, body: await response.json() }
    },
  }
}

describe('the stores over HTTP', () => {
  test('are listed', async () => {
    const { status, body } = await api().get('/stores')
    expect(status).toBe(200)
    expect(body).toContainEqual({ name: 'per user', kind: 'table', key: 'string', size: 2 })
    expect(body).toContainEqual({ name: 'per minute', kind: 'windows', key: 'string', size: 3 })
    expect(body).toHaveLength(5)
  })

  test('answer one row, whatever the key is made of', async () => {
    const { get } = api()
    expect(await get('/stores/per%20user/a%2Fb')).toEqual({
      status: 200,
      body: { key: 'a/b', value: 2, timestamp: '1970-01-01T00:01:01.000Z' },
    })
    expect((await get('/stores/numbers/-3')).body).toMatchObject({ key: -3, value: 'minus three' })
    expect((await get('/stores/parity/{"even":true}')).body).toMatchObject({ key: { even: true }, value: 2 })
    expect((await get('/stores/size/large')).body).toMatchObject({ key: 'large', value: 2 })
    expect((await get('/stores/size/"small"')).body).toMatchObject({ key: 'small', value: 1 })
  })

  test('answer the windows of a key, from and to a start', async () => {
    const { get } = api()
    const first = {
      key: 'a/b',
      window_start: '1970-01-01T00:00:00.000Z',
      window_end: '1970-01-01T00:01:00.000Z',
      value: 1,
    }
    const path = '/stores/per%20minute/a%2Fb'
    expect((await get(path)).body).toMatchObject({ entries: [first, { value: 1 }], next_offset: null })
    expect((await get(`${path}?to=59999`)).body).toEqual({ entries: [first], next_offset: null })
    expect((await get(`${path}?from=1970-01-01T00:01:00Z`)).body).toMatchObject({
      entries: [{ window_start: '1970-01-01T00:01:00.000Z' }],
    })
    expect((await get(`${path}?limit=1`)).body).toEqual({ entries: [first], next_offset: 1 })
  })

  test('answer page after page, each entry once', async () => {
    const { driver, get } = api()
    for (let i = 0; i < 5; i++) driver.pipe(clicks, { key: `user ${i}`, value: 1, timestampMs: 70_000 })
    const keys: unknown[] = []
    let path = '/stores/per%20user?limit=3'
    for (let pages = 0; pages < 3; pages++) {
      const { entries, next_offset } = (await get(path)).body as {
        entries: { key: unknown }[]
        next_offset: number | null
      }
      keys.push(...entries.map(({ key }) => key))
      expect(next_offset).toBe([3, 6, null][pages])
      path = `/stores/per%20user?limit=3&offset=${next_offset}`
    }
    expect(keys).toEqual(['a/b', 'c', 'user 0', 'user 1', 'user 2', 'user 3', 'user 4'])
  })

  test.each([
    ['/stores/nothing', 404, 'NOT_FOUND', undefined],
    ['/stores/nothing/a', 404, 'NOT_FOUND', undefined],
    ['/stores/per%20user/nobody', 404, 'NOT_FOUND', undefined],
    ['/stores/numbers/three', 400, 'BAD_REQUEST', 'key'],
    ['/stores/per%20user?limit=0', 400, 'BAD_REQUEST', 'limit'],
    ['/stores/per%20user?limit=1001', 400, 'BAD_REQUEST', 'limit'],
    ['/stores/per%20user?offset=-1', 400, 'BAD_REQUEST', 'offset'],
    ['/stores/per%20minute/c?from=yesterday', 400, 'BAD_REQUEST', 'from'],
    ['/stores/per%20minute/c?to=2026-01-31', 400, 'BAD_REQUEST', 'to'],
  ])('refuse %s by %i %s', async (path, status, code, parameter) => {
    const answer = await api().get(path)
    expect(answer).toMatchObject({ status, body: { error: { code, ...(parameter && { parameter }) } } })
  })

  test('a window store without the key answers no entries', async () => {
    expect(await api().get('/stores/per%20minute/nobody')).toEqual({
      status: 200,
      body: { entries: [], next_offset: null },
    })
  })

  test('send on who asks for a key of another instance, and never to themselves', async () => {
    const { driver } = api()
    const queries = () => driver.queries().map((store) => ({ ...store, holds: () => false }))
    const hosts = { metadataForKey: () => ({ activeHost: 'other:85', standbyHosts: [], partition: 0 }) }
    const away = storeApi({ query: driver.query, queries }, { hosts })
    const table = await away.request('http://here:85/stores/per%20user/no%2Fbody')
    expect([table.status, table.headers.get('location')]).toEqual([
      307,
      'http://other:85/stores/per%20user/no%2Fbody',
    ])
    const windows = await away.request('http://here:85/stores/per%20minute/nobody?from=0&limit=3')
    expect(windows.headers.get('location')).toBe('http://other:85/stores/per%20minute/nobody?from=0&limit=3')
    const itself = await away.request('http://other:85/stores/per%20user/nobody')
    expect([itself.status, await itself.json()]).toMatchObject([503, { error: { code: 'NOT_READY' } }])
    const nowhere = storeApi({ query: driver.query, queries }, { hosts: { metadataForKey: () => undefined } })
    expect((await nowhere.request('/stores/per%20user/nobody')).status).toBe(404)
  })

  test('say when a key is with another instance, and when to come back while tasks move', async () => {
    const { driver } = api()
    const elsewhere = () => driver.queries().map((store) => ({ ...store, holds: () => false }))
    const away = storeApi({ query: driver.query, queries: elsewhere })
    const table = await away.request('/stores/per%20user/nobody')
    expect([table.status, await table.json()]).toMatchObject([404, { error: { code: 'NOT_HERE' } }])
    const windows = await away.request('/stores/per%20minute/nobody')
    expect([windows.status, await windows.json()]).toMatchObject([404, { error: { code: 'NOT_HERE' } }])

    const notReady = () => {
      throw new RivuletError('NOT_READY', 'its tasks start', { retryable: true })
    }
    const moving = storeApi({ query: driver.query, queries: notReady })
    const answer = await moving.request('/stores')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).not.toBeNull()
    expect(await answer.json()).toEqual({ error: { code: 'NOT_READY', message: 'its tasks start' } })
  })
})
