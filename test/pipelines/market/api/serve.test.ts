import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { ApiServer } from '../../../../src/app/serve.ts'
import { FakeMarketQueries } from '../../../support/fake-market-queries.ts'
import {
  apiOptions,
  type MarketWebOptions,
  marketWeb,
  seedTrades,
  serveFake,
} from '../../../support/market-server.ts'

const servers: ApiServer[] = []

async function start(
  queries = new FakeMarketQueries(),
  options: Partial<MarketWebOptions> & { port?: number } = {},
) {
  const server = await serveFake(queries, options)
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ drainMs: 0 })
})

/** What a socket answers to bytes as they are. */
async function raw(port: number, bytes: string): Promise<string> {
  return (await rawBytes(port, bytes)).toString()
}

async function rawBytes(port: number, bytes: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

describe('serving', () => {
  test('takes any free port for 0 and says which', async () => {
    const server = await start()
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/`)
    expect((await fetch(`${server.url}healthz`)).status).toBe(200)
  })

  test('answers a round of five symbols with fewer than 1,500 bytes, headers and all', async () => {
    const queries = new FakeMarketQueries()
    const nowMs = Date.now()
    seedTrades(queries, { endMs: nowMs, minutes: 60, perMinute: 30 })
    const { port, url } = await start(queries)
    const { cursor } = (await (await fetch(`${url}api/market`)).json()) as { cursor: string }
    // Two seconds of a busy market.
    seedTrades(queries, { endMs: nowMs + 2_000, minutes: 1 / 30, perMinute: 60 })
    const headers = 'host: localhost\r\naccept-encoding: gzip, deflate, br, zstd\r\nconnection: close'
    const path = `/api/market?limit=20&minutes=60&points=600&since=${cursor}`
    const answer = await rawBytes(port, `GET ${path} HTTP/1.1\r\n${headers}\r\n\r\n`)
    expect(answer.toString()).toContain('200 OK')
    expect(answer.length).toBeLessThan(1_500)
  })

  test('refuses a port in use, and names it', async () => {
    const { port } = await start()
    await expect(start(undefined, { port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    })
  })

  test.each([
    [
      'a target that is no path',
      'GET /\\..\\x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
      400,
    ],
    ['a host that is none', 'GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n', 400],
    [
      'the host of somebody else',
      'GET /api/latest HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
      421,
    ],
    ['no host at all', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400],
    ['DELETE', 'DELETE /api/latest HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 405],
    ['TRACE', 'TRACE /api/latest HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 405],
    ['OPTIONS', 'OPTIONS / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 405],
    [
      'a body without a length',
      'POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      405,
    ],
    ['an expectation', 'GET / HTTP/1.1\r\nhost: localhost\r\nexpect: all\r\nconnection: close\r\n\r\n', 417],
    ['headers without end', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s as any other mistake, with every header', async (_, bytes, status) => {
    const { port } = await start()
    const answer = await raw(port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toMatch(/x-rivulet-market: simulated/i)
    expect(answer).toMatch(/content-security-policy: default-src 'none'/i)
    expect(answer).toMatch(/x-content-type-options: nosniff/i)
    expect(answer).toMatch(/{"error":{"code":"(BAD_REQUEST|METHOD_NOT_ALLOWED)"/)
    expect(answer).not.toContain('    at ')
  })
})

describe('closing', () => {
  test('ends the streams and the idle connections, and frees the port', async () => {
    const server = await start()
    const stream = await fetch(`${server.url}api/stream`)
    await fetch(`${server.url}healthz`)
    const rest = stream.text()
    await server.close({ drainMs: 60_000 })
    expect(await rest).toContain('id: _')
    await start(undefined, { port: server.port })
  })

  test('lets an answer finish that is under way', async () => {
    const queries = new FakeMarketQueries()
    const server = await start(queries)
    let open = () => {}
    queries.gate = new Promise((resolve) => {
      open = resolve
    })
    const answer = fetch(`${server.url}api/count`)
    while (!queries.calls.position) await new Promise(setImmediate)
    const closed = server.close({ drainMs: 60_000 })
    open()
    expect(await (await answer).json()).toEqual({ count: 0 })
    await closed
  })

  test('cuts off what does not finish in time', async () => {
    const queries = new FakeMarketQueries()
    const server = await start(queries)
    queries.gate = new Promise(() => {})
    const answer = fetch(`${server.url}api/count`)
    while (!queries.calls.position) await new Promise(setImmediate)
    const cutOff = expect(answer).rejects.toThrow()
    await server.close({ drainMs: 10 })
    await cutOff
  })
})

describe('the stream', () => {
  const trades = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ symbol: 'BTC', price: from + i, timestampUs: from + i }))

  /** Reads events until one of them has the price; returns what came. */
  async function readUntil(response: Response, lastPrice: number) {
    const prices: number[] = []
    const ids: string[] = []
    let text = ''
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    while (prices.at(-1) !== lastPrice) {
      const { value, done } = await reader.read()
      if (done) break
      text += value
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const line of blocks.flatMap((block) => block.split('\n'))) {
        if (line.startsWith('id: ')) ids.push(line.slice(4))
        if (line.startsWith('data: ')) {
          prices.push(...JSON.parse(line.slice(6)).map(({ price }: { price: number }) => price))
        }
      }
    }
    await reader.cancel()
    return { prices, ids }
  }

  test('begins with what comes next and resumes behind the last id', async () => {
    const queries = new FakeMarketQueries().add(...trades(0, 5))
    const { url } = await start(queries)
    const first = await fetch(`${url}api/stream`)
    expect(first.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(first.headers.get('x-rivulet-market')).toBe('simulated')
    queries.add(...trades(5, 8))
    const before = await readUntil(first, 7)
    expect(before.prices).toEqual([5, 6, 7])
    queries.add(...trades(8, 10))
    const resumed = await fetch(`${url}api/stream`, { headers: { 'last-event-id': before.ids.at(-1)! } })
    expect((await readUntil(resumed, 9)).prices).toEqual([8, 9])
  })

  test('gives an id before the first tick, so that nothing is missed on coming back early', async () => {
    const queries = new FakeMarketQueries().add(...trades(0, 5))
    const { url } = await start(queries)
    const response = await fetch(`${url}api/stream`)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader.read()).value).toContain('id: 0-5\n')
    await reader.cancel()
  })

  test('is not compressed, for compressing would hold ticks back', async () => {
    const { url } = await start()
    const response = await fetch(`${url}api/stream`, { headers: { 'accept-encoding': 'gzip' } })
    expect(response.headers.get('content-encoding')).toBeNull()
    await response.body!.cancel()
  })

  test('is for 500 at once, however many ask in one moment, and for others when some have left', async () => {
    const app = marketWeb(apiOptions(new FakeMarketQueries().add(...trades(0, 5))))
    const asked = await Promise.all(Array.from({ length: 520 }, () => app.request('/api/stream')))
    const open = asked.filter(({ status }) => status === 200)
    expect([open.length, asked.filter(({ status }) => status === 503).length]).toEqual([500, 20])
    expect((await app.request('/api/stream')).headers.get('retry-after')).toBe('2')
    await Promise.all(open.map(({ body }) => body?.cancel()))
    // A HEAD asks for a stream and takes none.
    await Promise.all(Array.from({ length: 520 }, () => app.request('/api/stream', { method: 'HEAD' })))
    const again = await app.request('/api/stream')
    expect(again.status).toBe(200)
    await again.body?.cancel()
  })

  test('does not read the table for a client that does not read, and gives it everything once it does', async () => {
    const queries = new FakeMarketQueries().add(...trades(0, 3_000))
    const app = marketWeb(apiOptions(queries))
    const response = await app.request('/api/stream?since=0-0')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const read = async () => {
      text += (await reader.read()).value ?? ''
    }
    await read()
    await read()
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    // What was read, and what the decoder's pipe asked for ahead.
    expect(queries.calls.ticksAfter).toBeLessThanOrEqual(3)
    while (!text.includes('"price":2999,')) await read()
    expect(queries.calls.ticksAfter).toBe(6)
    await reader.cancel()
  })
})
