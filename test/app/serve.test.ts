import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Hono } from 'hono'
import { afterEach, expect, test } from 'vitest'
import { connectionsMaxOf } from '../../src/app/connections-max.ts'
import { type ApiServer, type ServeOptions, serve } from '../../src/app/serve.ts'
import type { WebEnv } from '../../src/app/web.ts'

const app = new Hono<WebEnv>().get('/healthz', (context) => context.json('fine'))

let server: ApiServer | undefined
const sockets: Socket[] = []
async function started(options: Partial<ServeOptions> = {}): Promise<ApiServer> {
  server = await serve(app, { host: '127.0.0.1', port: 0, ...options })
  return server
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server?.close({ drainMs: 0 })
})

function opened({ port }: ApiServer, bytes = ''): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(bytes)
  sockets.push(socket)
  return socket
}

async function statusOf(of: ApiServer, host: string): Promise<string> {
  const socket = opened(of, `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  return String(answer)
}

test('has only so many connections: of more, the newest are closed, and those that wait cost no other descriptors', async () => {
  const few = await started({ connectionsMax: 2 })
  const idle = [opened(few), opened(few)]
  await Promise.all(idle.map((socket) => once(socket, 'connect')))
  await once(opened(few), 'close')
  idle.pop()?.destroy()
  await expect.poll(async () => (await fetch(`${few.url}healthz`)).status).toBe(200)
})

test('a request that comes byte by byte is told so in the end, and its connection is closed, though the client goes on', async () => {
  const impatient = await started({ headersTimeoutMs: 200 })
  // It does not close its side when the server has closed its own.
  const slow = connect({ port: impatient.port, host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(slow)
  slow.on('error', () => {})
  slow.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ')
  const drip = setInterval(() => slow.write('y'), 20)
  let answer = ''
  slow.on('data', (chunk) => {
    answer += chunk
  })
  await new Promise((resolve) => slow.once('close', resolve))
  clearInterval(drip)
  expect(answer).toMatch(/^HTTP\/1.1 408 /)
})

test.each(['localhost', '127.0.0.1', '127.3.2.1:80', '[::1]:8502', 'page.localhost', 'LOCALHOST:1'])(
  'answers on loopback to its name %s',
  async (host) => {
    expect(await statusOf(await started(), host)).toMatch(/^HTTP\/1.1 200 /)
  },
)

test.each([
  'evil.example',
  'evil.example:8502',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  '10.0.0.7',
])(
  'does not answer on loopback to %s, which a page of somebody else may have taken for its own',
  async (host) => {
    const answer = await statusOf(await started(), host)
    expect(answer).toMatch(/^HTTP\/1.1 421 /)
    expect(answer).toContain('ALLOWED_HOSTS')
  },
)

test('answers to the names that it is told, and where it is open to other machines, to any', async () => {
  const told = await started({ allowedHosts: ['charts.example'] })
  expect(await statusOf(told, 'charts.example:443')).toMatch(/^HTTP\/1.1 200 /)
  expect(await statusOf(told, 'evil.example')).toMatch(/^HTTP\/1.1 421 /)
  await told.close({ drainMs: 0 })
  expect(await statusOf(await started({ host: '0.0.0.0' }), 'charts.example')).toMatch(/^HTTP\/1.1 200 /)
})

test('leaves most descriptors to files and to other sockets', () => {
  expect([connectionsMaxOf(1_024), connectionsMaxOf(1_000_000), connectionsMaxOf(2)]).toEqual([256, 1_000, 1])
  expect(connectionsMaxOf()).toBeGreaterThan(0)
})
