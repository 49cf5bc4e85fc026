import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { clientCredentials } from '../../src/kafka/client-credentials.ts'
import { startTokenEndpoint, type TokenEndpoint } from '../support/token-endpoint.ts'

let endpoint: TokenEndpoint
beforeEach(async () => {
  endpoint = await startTokenEndpoint({ secondsLeft: 100 })
})
afterEach(() => endpoint.close())

/** At a time that the test sets. */
function tokens(options: { clientSecret?: string; tokenEndpointUrl?: string; scope?: string } = {}) {
  const at = { ms: 1_000_000 }
  const token = clientCredentials({
    tokenEndpointUrl: endpoint.url,
    clientId: 'shop',
    clientSecret: 'shop-secret',
    clock: { ...systemClock, now: () => at.ms },
    ...options,
  })
  return { at, token: () => token(new AbortController().signal) }
}

describe('tokens by client credentials', () => {
  test('are asked for with the scope, once for all that log in', async () => {
    const { token } = tokens({ scope: 'kafka orders' })
    const [first, second] = await Promise.all([token(), token()])
    expect(first?.value).toMatch(/^[\w-]+\.[\w-]+\.$/)
    expect(second).toBe(first)
    expect(endpoint.asked.map(({ form }) => form)).toEqual([
      'grant_type=client_credentials&scope=kafka+orders',
    ])
  })

  test('are kept for four fifths of their time', async () => {
    const { at, token } = tokens()
    await token()
    at.ms += 79_999
    await token()
    expect(endpoint.asked).toHaveLength(1)
    at.ms += 1
    await token()
    expect(endpoint.asked).toHaveLength(2)
  })

  test('that were refused are asked for again by the next login', async () => {
    const { token } = tokens()
    endpoint.fail(401)
    await expect(token()).rejects.toMatchObject({ code: 'KAFKA_FAILED', retryable: false })
    endpoint.fail(undefined)
    await expect(token()).resolves.toMatchObject({ value: expect.any(String) })
  })

  test.each([
    [400, 'KAFKA_FAILED', false],
    [404, 'KAFKA_FAILED', false],
    [429, 'KAFKA_UNREACHABLE', true],
    [503, 'KAFKA_UNREACHABLE', true],
  ])('of a provider that answers with %i end in %s, retryable: %s', async (status, code, retryable) => {
    endpoint.fail(status)
    await expect(tokens().token()).rejects.toMatchObject({
      code,
      retryable,
      message: expect.stringContaining(`${status} temporarily_unavailable`),
    })
  })

  test('of a provider that is away may come later, and the secret is in no sentence', async () => {
    await endpoint.close()
    const { token } = tokens({ tokenEndpointUrl: `${endpoint.url}?key=shop-secret` })
    const error: unknown = await token().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KAFKA_UNREACHABLE', retryable: true })
    expect(String(error)).toMatch(/token endpoint http:\/\/127\.0\.0\.1:\d+\/token can't be reached/)
    expect(String(error)).not.toContain('shop-secret')
    endpoint = await startTokenEndpoint()
  })
})
