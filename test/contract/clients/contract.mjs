// The contract of test/contract/clients.test.ts, for clients on Node: what is checked, and with which records.
import { readFileSync } from 'node:fs'

export const startMs = 1_700_000_000_000
const plain = Array.from({ length: 100 }, (_, i) => i)

/** Key, value, time and headers of each. */
export const records = [
  { key: 'k', value: 'v', timestampMs: startMs + 123, headers: { h: 'x', e: '' } },
  { key: null, value: 'no key', timestampMs: startMs + 1, headers: {} },
  { key: 't', value: null, timestampMs: startMs + 456, headers: {} },
  ...plain.map((i) => ({
    ...{ key: `k${i % 3}`, value: `value ${i} ${'abc'.repeat(20)}` },
    ...{ timestampMs: startMs + 1_000 + i, headers: {} },
  })),
]

/** `client` has a method for each check; what it lacks it has not. */
export async function run(client, largePath) {
  const value = readFileSync(largePath)
  const names = ['topics', 'settings', 'groups', 'offsets by time', 'deletes', 'offsets in transactions']
  for (const name of names) await check(name, client[name])
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const has = client.codecs.includes(codec)
    const only = (work) => (has ? work : undefined)
    await check(
      `write ${codec}`,
      only(() => client.write(`written-${codec}`, codec, records)),
    )
    await check(
      `append ${codec}`,
      only(() => client.write(`appended-${codec}`, codec, records)),
    )
    await check(
      `transactions ${codec}`,
      only(() => client.transactions(`transactions-${codec}`, codec)),
    )
    const large = [{ key: null, value, timestampMs: startMs, headers: {} }]
    await check(
      `large ${codec}`,
      only(() => client.write(`large-${codec}`, codec, large)),
    )
    await check(
      `read ${codec}`,
      only(async () => same(await client.read(`rivulet-${codec}`, records.length))),
    )
  }
}

async function check(name, work) {
  if (!work) {
    process.stdout.write(`absent\t${name}\n`)
    return
  }
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it takes too long')), 20_000)
  })
  try {
    await Promise.race([work(), late])
    process.stdout.write(`ok\t${name}\n`)
  } catch (error) {
    process.stdout.write(`failed\t${name}\t${String(error?.stack ?? error).replaceAll(/\s+/g, ' ')}\n`)
  } finally {
    clearTimeout(timer)
  }
}

export function expect(holds, what) {
  if (!holds) throw new Error(typeof what === 'string' ? what : JSON.stringify(what))
}

function same(found) {
  const wanted = JSON.stringify(records)
  expect(
    JSON.stringify(found) === wanted,
    `${JSON.stringify(found).slice(0, 300)} instead of what was written`,
  )
}
