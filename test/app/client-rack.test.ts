import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { serveNode } from '../../src/broker/broker.ts'
import { openNode } from '../../src/broker/node.ts'
import { brokerConfig } from '../../src/broker/options.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import { counting } from '../support/security-program.ts'

const fetchHeader = Buffer.from([0, 1, 0, 11])
const rack = Buffer.from('\0\x04east')

test('a program says in which rack it is with each fetch', { timeout: 30_000 }, async () => {
  const config = brokerConfig({})
  const node = await openNode(new MemoryDirectory(systemClock), config)
  const served = serveNode(node, config)
  const fetches: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      if (bytes.subarray(4, 8).equals(fetchHeader)) fetches.push(bytes)
    })
    void served.serve(socket, 'test')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  node.placement.port = (server.address() as AddressInfo).port
  const dataDir = mkdtempSync(join(tmpdir(), 'rivulet-rack-'))
  const started = await counting({}).start({
    args: ['--port', '0', '--data-dir', dataDir, '--kafka-client-rack', 'east'],
    env: { KAFKA_BROKERS: `127.0.0.1:${node.placement.port}` },
    logger: silentLogger,
  })
  onTestFinished(async () => {
    await started.stop()
    server.close()
    await served.close()
    rmSync(dataDir, { recursive: true })
  })
  await vi.waitFor(() => expect(fetches.length).toBeGreaterThan(1), { timeout: 10_000 })
  for (const fetch of fetches) expect(fetch.subarray(-rack.length)).toEqual(rack)
})
