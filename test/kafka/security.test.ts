import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { runProcess } from '../support/process.ts'
import { passwordOf, shortSessionMs, startSecuredKafka } from '../support/secured-kafka.ts'
import {
  attempt,
  refusalMsMax,
  type SecurityRig,
  secrets,
  securityCases,
  securityTable,
} from '../support/security-matrix.ts'
import { startTokenEndpoint } from '../support/token-endpoint.ts'

let rig: SecurityRig | undefined
let unavailable = 'not started'
beforeAll(async () => {
  const kafka = await startSecuredKafka()
  if ('unavailable' in kafka) unavailable = kafka.unavailable
  else rig = { kafka, endpoint: await startTokenEndpoint() }
})
beforeEach((context) => {
  if (!rig) context.skip(unavailable)
})
afterAll(async () => {
  await rig?.endpoint.close()
  await rig?.kafka.stop()
})

describe('a program that speaks with Apache Kafka by', () => {
  test.for(securityCases)('$mechanism, $what', { timeout: 30_000 }, async (wanted) => {
    const { refusal, elapsedMs, log } = await attempt(wanted, rig as SecurityRig)
    expect(refusal).toEqual(wanted.refusal && { code: 'KAFKA_FAILED', ...wanted.refusal })
    if (refusal) expect(elapsedMs).toBeLessThan(refusalMsMax)
    for (const secret of secrets) expect(log).not.toContain(secret)
  })
})

test('a program in its own process ends with 1, and says what else to say', { timeout: 60_000 }, async () => {
  const { kafka } = rig as SecurityRig
  const { code, stdout, stderr } = await runProcess('test/app/programs/tiny.ts', ['--port', '0'], {
    DATA_DIR: mkdtempSync(join(tmpdir(), 'rivulet-refused-')),
    KAFKA_BROKERS: kafka.listeners.SASL_PLAINTEXT as string,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_USERNAME: 'bob',
    KAFKA_PASSWORD: 'guessed-secret',
    LOG_LEVEL: 'trace',
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/refuses the login of \\"bob\\" .*\(set by KAFKA_PASSWORD or --kafka-password\)/)
  for (const secret of secrets) expect(stderr).not.toContain(secret)
})

test('a session that ends soon is renewed on the connection that it has', { timeout: 30_000 }, async () => {
  const { kafka } = rig as SecurityRig
  let connections = 0
  const { createConnection } = await import('node:net')
  const connected = connectKafka({
    brokers: [kafka.listeners.SHORT as string],
    clientId: 'test',
    logger: silentLogger,
    sasl: { mechanism: 'plain', username: 'alice', password: passwordOf('alice') },
    requestTimeoutMs: 5_000,
    socketFactory: ({ host, port, onConnect }) => {
      connections++
      return createConnection({ host, port }, onConnect)
    },
  })
  const endMs = performance.now() + 2.5 * shortSessionMs
  let asked = 0
  while (performance.now() < endMs) {
    await connected.admin.partitionCounts(['words'])
    asked++
    await new Promise(setImmediate)
  }
  await connected.close()
  expect(asked).toBeGreaterThan(10)
  expect(connections).toBe(1)
})

test('the table for operators is the one that is tested', () => {
  expect(readFileSync('docs/security.md', 'utf8')).toContain(securityTable())
})
