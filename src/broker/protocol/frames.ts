import type { Readable } from 'node:stream'
import { MalformedRequest } from './reader.ts'

const lengthBytes = 4
// Whoever sends byte by byte must not make us keep an object for each.
const chunksMax = 1_024

/**
 * The requests in a stream of bytes: each has its length in front. Holds at most one that is incomplete, and
 * throws `MalformedRequest` for a length below 1 or above `requestBytesMax`.
 */
export async function* readFrames(
  source: Readable | AsyncIterable<Buffer>,
  requestBytesMax: number,
): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = []
  let bufferedBytes = 0
  let neededBytes = lengthBytes
  for await (const chunk of source) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the stream has an encoding')
    chunks.push(chunk)
    bufferedBytes += chunk.length
    if (chunks.length > chunksMax) chunks = [Buffer.concat(chunks, bufferedBytes)]
    // Joined only when a request is there, so that a large one is copied once.
    while (bufferedBytes >= neededBytes) {
      const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bufferedBytes)
      const frameBytes = bytes.readInt32BE(0)
      if (frameBytes < 1 || frameBytes > requestBytesMax) {
        throw new MalformedRequest(`a request of ${frameBytes} bytes; the limit is ${requestBytesMax}`)
      }
      const end = lengthBytes + frameBytes
      if (bytes.length < end) {
        chunks = [bytes]
        neededBytes = end
        break
      }
      yield bytes.subarray(lengthBytes, end)
      chunks = [bytes.subarray(end)]
      bufferedBytes -= end
      neededBytes = lengthBytes
    }
  }
}
