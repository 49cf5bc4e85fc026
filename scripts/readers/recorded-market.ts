import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { seededRandom } from '../../pipelines/market/synthetic/random.ts'

const products = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD', 'DOGE-USD']
const tradesPerSecond = 100

/** Writes a recording of so many trades, as Coinbase would have sent them in the time before now. */
export async function writeRecording(path: string, trades: number): Promise<void> {
  const random = seededRandom(7)
  const file = createWriteStream(path)
  const startedMs = Date.now() - (trades / tradesPerSecond) * 1_000
  for (let n = 0; n < trades; n++) {
    const line = JSON.stringify({
      type: 'match',
      trade_id: 1 + Math.floor(n / products.length),
      side: random() < 0.5 ? 'sell' : 'buy',
      size: (0.01 + random()).toFixed(4),
      price: (1_000 + 10 * Math.sin(n / 5_000) + random()).toFixed(2),
      product_id: products[n % products.length],
      time: new Date(startedMs + (n / tradesPerSecond) * 1_000).toISOString(),
    })
    if (!file.write(`${line}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
}
