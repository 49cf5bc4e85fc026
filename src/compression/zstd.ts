import * as zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import { optionalPackage } from '../optional-package.ts'
import { type Codec, type Compress, tooLarge } from './codec.ts'

interface WasmZstd {
  init(): Promise<void>
  compress(bytes: Buffer): Uint8Array
}

/** What Node has from 22.15 on. */
interface NodeZstd {
  zstdCompressSync(bytes: Buffer): Buffer
  zstdDecompressSync(bytes: Buffer, options: { readonly maxOutputLength: number }): Buffer
}

function hasZstd(module: object): module is NodeZstd {
  return 'zstdCompressSync' in module
}

const node = hasZstd(zlib) ? zlib : undefined

/** Node's own; on an older Node, one package reads and another, which is only for those who need it, writes. */
export const zstd: Codec = node
  ? {
      compressor: () => node.zstdCompressSync,
      decompress(bytes, bytesMax) {
        // It takes the beginning of a frame for all of it.
        const { endAt } = frameOf(bytes)
        return node.zstdDecompressSync(bytes.subarray(0, endAt), { maxOutputLength: bytesMax })
      },
    }
  : { compressor: wasmCompressor, decompress: decompressInParts }

const wasmPackage = '@bokuweb/zstd-wasm'
let wasm: Promise<Compress> | undefined

function wasmCompressor(): Promise<Compress> {
  wasm ??= loadWasm().catch((error) => {
    wasm = undefined
    throw error
  })
  return wasm
}

async function loadWasm(): Promise<Compress> {
  const { init, compress } = optionalPackage<WasmZstd>(wasmPackage, 'Writing ZSTD on a Node older than 22.15')
  await init()
  return (bytes) => Buffer.from(compress(bytes))
}

function decompressInParts(bytes: Buffer, bytesMax: number): Buffer {
  const { windowBytes, endAt } = frameOf(bytes)
  if (windowBytes > Math.min(bytesMax, windowBytesMax)) throw tooLarge(bytesMax)
  const parts: Uint8Array[] = []
  let total = 0
  const unpacking = new Decompress((part) => {
    total += part.length
    if (total > bytesMax) throw tooLarge(bytesMax)
    parts.push(part)
  })
  unpacking.push(bytes.subarray(0, endAt), true)
  return Buffer.concat(parts, total)
}

const frameMagic = 0xfd2f_b528
const singleSegmentBit = 0x20
const checksumBit = 0x04
const lastBlockBit = 0x01
const runLengthBlock = 1
/** As Node's own: more needs the consent of whoever reads it. */
const windowBytesMax = 128 * 1024 * 1024

/**
 * Where the first frame ends, and how much of what it unpacks to must be kept at hand, for which room is made before anything
 * else. Source: RFC 8878, 3.1.1.
 */
function frameOf(bytes: Buffer): { readonly windowBytes: number; readonly endAt: number } {
  if (bytes.readUInt32LE(0) !== frameMagic) throw new RangeError('no ZSTD frame')
  const descriptor = bytes.readUInt8(4)
  const isSingle = (descriptor & singleSegmentBit) !== 0
  const contentSizeAt = 5 + (isSingle ? 0 : 1) + ([0, 1, 2, 4][descriptor & 0x03] as number)
  const contentSizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number
  let at = contentSizeAt + contentSizeBytes
  for (let isLast = false; !isLast; ) {
    const header = bytes.readUIntLE(at, 3)
    isLast = (header & lastBlockBit) !== 0
    at += 3 + (((header >>> 1) & 0x03) === runLengthBlock ? 1 : header >>> 3)
  }
  const endAt = at + (descriptor & checksumBit ? 4 : 0)
  if (endAt > bytes.length) throw new RangeError('a ZSTD frame is cut off')
  return {
    windowBytes: isSingle
      ? contentSize(bytes, contentSizeAt, contentSizeBytes)
      : windowSize(bytes.readUInt8(5)),
    endAt,
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3))
  return base + (base / 8) * (descriptor & 0x07)
}

function contentSize(bytes: Buffer, at: number, sizeBytes: number): number {
  if (sizeBytes === 8) return Number(bytes.readBigUInt64LE(at))
  const size = bytes.readUIntLE(at, sizeBytes)
  return sizeBytes === 2 ? size + 256 : size
}
