import { expect, test } from 'vitest'
import { createWeb, type WebOptions } from '../../src/app/web.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'

const token = 'correct-horse-battery'
const long = 'x'.repeat(5_000)

function webWith(options: Partial<WebOptions> = {}) {
  const web = createWeb({
    labels: { region: 'eu' },
    pipeline: () => ({ nodes: [] }),
    ready: () => ({ ready: true }),
    metrics: async () => '# HELP up\n',
    clock: systemClock,
    logger: silentLogger,
    ...options,
  })
  web.get('/long', (context) => context.json({ long }))
  return web
}

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE', 'PROPFIND'])(
  '%s of a known path is 405, and says what is right',
  async (method) => {
    const web = webWith()
    const answer = await web.request('/long', { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await web.request('/nothing', { method: 'DELETE' })).status).toBe(404)
  },
)

test('a body that is too large is 413 where one is taken; elsewhere it does not matter', async () => {
  const web = webWith()
  web.post('/notes', (context) => context.text('noted'))
  const post = (path: string, bytes: number) =>
    web.request(path, {
      method: 'POST',
      body: 'x'.repeat(bytes),
      headers: { 'content-length': String(bytes) },
    })
  expect((await post('/notes', 1_000)).status).toBe(200)
  expect((await post('/notes', 100_000)).status).toBe(413)
  expect((await post('/long', 100_000)).status).toBe(405)
  expect((await post('/nothing', 100_000)).status).toBe(404)
})

test.each([
  ['/long', {}],
  ['/long', { 'accept-encoding': 'gzip' }],
  ['/healthz', {}],
  ['/nothing', {}],
])('HEAD of %s with %j has the headers of GET, its length among them', async (path, headers) => {
  const web = webWith()
  const full = await web.request(path, { headers })
  const head = await web.request(path, { headers, method: 'HEAD' })
  expect(head.status).toBe(full.status)
  expect(await head.text()).toBe('')
  expect(Number(head.headers.get('content-length'))).toBe((await full.arrayBuffer()).byteLength)
  for (const name of ['etag', 'vary', 'content-type', 'content-encoding', 'x-rivulet-region'])
    expect([name, head.headers.get(name)]).toEqual([name, full.headers.get(name)])
})

test('HEAD of what has no end has no length, and lets go of it', async () => {
  const web = webWith()
  let cancelled = false
  web.get('/events', (context) => {
    context.header('content-type', 'text/event-stream')
    return context.body(
      new ReadableStream({
        cancel() {
          cancelled = true
        },
      }),
    )
  })
  const head = await web.request('/events', { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length'), cancelled]).toEqual([200, null, true])
})

test('HEAD of what is very long has no length: it is not made whole only to be measured', async () => {
  const web = webWith()
  let chunks = 0
  web.get('/very-long', (context) => {
    const body = new ReadableStream({
      pull: (controller) => {
        chunks++
        controller.enqueue(new Uint8Array(1_000_000))
      },
    })
    return context.body(body, 200, { etag: '"1"' })
  })
  const head = await web.request('/very-long', { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, null])
  expect(chunks).toBeLessThan(25)
})

test('without a token it asks for none', async () => {
  expect((await webWith().request('/long')).status).toBe(200)
})

test.each([
  ['nothing', {}],
  ['another token', { authorization: 'Bearer wrong-horse-battery' }],
  ['a beginning of it', { authorization: `Bearer ${token.slice(0, -1)}` }],
  ['another scheme', { authorization: `Basic ${token}` }],
  ['a cookie that is wrong', { cookie: 'rivulet-token=wrong' }],
])('with a token, %s is 401 on every path', async (_, headers) => {
  const web = webWith({ accessToken: token })
  for (const path of ['/long', '/api/pipeline', '/metrics', '/nothing', '/long?token=wrong']) {
    const answer = await web.request(path, { headers })
    expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([path, 401, 'Bearer'])
    expect(await answer.json()).toMatchObject({ error: { code: 'UNAUTHORIZED' } })
  }
})

test('the token is taken as a bearer, or once in the address of a page, which then has a cookie', async () => {
  const web = webWith({ accessToken: token })
  const told = await web.request('/long', { headers: { authorization: `bearer ${token}` } })
  expect(told.status).toBe(200)
  const first = await web.request(`/long?a=1&token=${token}&b=2`)
  expect([first.status, first.headers.get('location')]).toEqual([303, '/long?a=1&b=2'])
  const cookie = first.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/HttpOnly/)
  expect(cookie).toMatch(/SameSite=Lax/)
  expect(cookie).not.toContain(token)
  const then = await web.request('/long', { headers: { cookie: cookie.split(';')[0] ?? '' } })
  expect(then.status).toBe(200)
})

test('probes need no token; without it they say whether, not why', async () => {
  const web = webWith({
    accessToken: token,
    ready: () => ({ ready: false, why: 'ClickHouse at db.internal:8123 is away' }),
  })
  expect((await web.request('/healthz')).status).toBe(200)
  const untold = await web.request('/readyz')
  expect([untold.status, await untold.json()]).toEqual([503, { ready: false }])
  const told = await web.request('/readyz', { headers: { authorization: `Bearer ${token}` } })
  expect([told.status, await told.text()]).toEqual([503, expect.stringContaining('db.internal')])
})
