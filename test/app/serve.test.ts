import { once } from 'node:events'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { connectionsMaxOf } from '../../src/app/connections-max.ts'
import { serve } from '../../src/app/serve.ts'
import type { WebEnv } from '../../src/app/web.ts'

const app = new Hono<WebEnv>().get('/healthz', (context) => context.json('fine'))

test('has only so many connections: of more, the newest are closed, and those that wait cost no other descriptors', async () => {
  const server = await serve(app, { host: '127.0.0.1', port: 0, connectionsMax: 2 })
  const idle = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
  try {
    await Promise.all(idle.map((socket) => once(socket, 'connect')))
    const third = connect(server.port, '127.0.0.1')
    await once(third, 'close')
    idle.pop()?.destroy()
    await expect.poll(async () => (await fetch(`${server.url}healthz`)).status).toBe(200)
  } finally {
    for (const socket of idle) socket.destroy()
    await server.close({ drainMs: 0 })
  }
})

test('leaves most descriptors to files and to other sockets', () => {
  expect([connectionsMaxOf(1_024), connectionsMaxOf(1_000_000), connectionsMaxOf(2)]).toEqual([256, 1_000, 1])
  expect(connectionsMaxOf()).toBeGreaterThan(0)
})
