import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { passwordOf, shortSessionMs, startSecuredKafka } from '../support/secured-kafka.ts'
import {
  attempt,
  attemptInProcess,
  refusalMsMax,
  type SecurityCase,
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

/** The rest of them in a process of its own: `npm run security`. */
const inProcesses = [
  'PLAIN, a wrong password',
  'TLS, the CA of somebody else',
  'TLS, a certificate of another name',
  'TLS, TLS to a plain port',
  'TLS, no TLS to a TLS port',
  'ACLs, no READ on a topic',
  'ACLs, no READ on its group',
]

describe('a program in its own process ends with 1, within 5 s, and with a sentence', () => {
  const chosen = securityCases.filter((each) => inProcesses.includes(nameOf(each)))
  test.for(chosen)('by $mechanism, $what', { timeout: 60_000 }, async (wanted) => {
    const { refusal, elapsedMs, log } = await attemptInProcess(wanted, rig as SecurityRig)
    expect(refusal).toEqual({ code: 'KAFKA_FAILED', ...wanted.refusal })
    expect(elapsedMs).toBeLessThan(refusalMsMax)
    for (const secret of secrets) expect(log).not.toContain(secret)
  })

  test('in each way that an operator meets first', () => {
    expect(chosen.map(nameOf).sort()).toEqual([...inProcesses].sort())
  })
})

function nameOf({ mechanism, what }: SecurityCase): string {
  return `${mechanism}, ${what}`
}

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
