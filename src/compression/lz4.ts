import { optionalPackage } from '../optional-package.ts'
import { type Codec, tooLarge } from './codec.ts'

interface Lz4 {
  compressFrameSync(bytes: Buffer): Buffer
  /** It makes room for whatever comes out. */
  decompressFrameSync(bytes: Buffer): Buffer
}

const load = () => optionalPackage<Lz4>('lz4-napi', 'LZ4 compression')

/** LZ4 frames, as all of Kafka's clients write and read them. */
export const lz4: Codec = {
  compressor: () => load().compressFrameSync,
  decompress(bytes, bytesMax) {
    if (unpackedBytesMax(bytes) > bytesMax) throw tooLarge(bytesMax)
    return load().decompressFrameSync(bytes)
  },
}

const flagsAt = 4
const blockSizeAt = 5
const flag = { dictionary: 0x01, contentSize: 0x08, blockChecksum: 0x10 } as const
const storedBit = 0x8000_0000
/** What one compressed byte can become at most. */
const ratioMax = 255

/**
 * At least what a frame unpacks to: a frame need not say it, but each of its blocks is bounded. Source: LZ4 Frame Format 1.6.
 */
function unpackedBytesMax(frame: Buffer): number {
  const flags = frame.readUInt8(flagsAt)
  // 4 is 64 KiB, and each step is four times as much.
  const blockBytesMax = 2 ** (8 + 2 * ((frame.readUInt8(blockSizeAt) >>> 4) & 0x07))
  let at = 7 + (flags & flag.contentSize ? 8 : 0) + (flags & flag.dictionary ? 4 : 0)
  let total = 0
  for (;;) {
    const header = frame.readUInt32LE(at)
    if (header === 0) return total
    const sizeBytes = header % storedBit
    total += header >= storedBit ? sizeBytes : Math.min(blockBytesMax, sizeBytes * ratioMax)
    at += 4 + sizeBytes + (flags & flag.blockChecksum ? 4 : 0)
  }
}
