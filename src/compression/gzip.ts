import { gunzipSync, gzipSync } from 'node:zlib'
import type { Codec } from './codec.ts'

export const gzip: Codec = {
  compressor: () => gzipSync,
  decompress: (bytes, bytesMax) => gunzipSync(bytes, { maxOutputLength: bytesMax }),
}
