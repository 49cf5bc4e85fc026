import { optionalPackage } from '../optional-package.ts'
import { type Codec, tooLarge } from './codec.ts'

interface Snappy {
  compressSync(bytes: Buffer): Buffer
  /** It makes room for as much as the block says that it holds. */
  uncompressSync(bytes: Buffer): Buffer
}

const load = () => optionalPackage<Snappy>('snappy', 'Snappy compression')

/** Before the version and the blocks of a stream of snappy-java, which Java's clients write. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderBytes = 16

/** Writes one plain block, as librdkafka does: every client reads it. Reads that and the framing of snappy-java. */
export const snappy: Codec = {
  compressor: () => load().compressSync,
  decompress(bytes, bytesMax) {
    const { uncompressSync } = load()
    const blocks = blocksOf(bytes)
    const total = blocks.reduce((sum, block) => sum + uncompressedBytes(block), 0)
    if (total > bytesMax) throw tooLarge(bytesMax)
    const [first] = blocks
    return blocks.length === 1 && first
      ? uncompressSync(first)
      : Buffer.concat(blocks.map((each) => uncompressSync(each)))
  },
}

function blocksOf(bytes: Buffer): Buffer[] {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return [bytes]
  const blocks: Buffer[] = []
  for (let at = xerialHeaderBytes; at < bytes.length; ) {
    const start = at + 4
    at = start + bytes.readInt32BE(at)
    if (at < start || at > bytes.length) throw new RangeError('a Snappy block that ends behind its stream')
    blocks.push(bytes.subarray(start, at))
  }
  return blocks
}

/** What the varint says that a block begins with. */
function uncompressedBytes(block: Buffer): number {
  let size = 0
  for (let i = 0; i < 5; i++) {
    const byte = block.readUInt8(i)
    size += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return size
  }
  throw new RangeError('a Snappy block without its size')
}
