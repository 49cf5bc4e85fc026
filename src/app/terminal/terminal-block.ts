import type { Writable } from 'node:stream'
import { fittedLine, widthOf } from './fitted-line.ts'

type Write = Writable['write']
type Written = (error?: Error | null) => void

/** What leads to a terminal, such as `process.stderr`. */
export type TerminalOutput = Writable & { readonly columns: number; readonly rows: number }

/** A line of a block: cut where the terminal ends. */
export interface BlockLine {
  readonly text: string
  /** Default: as the terminal writes everything. */
  readonly tone?: keyof typeof tones
}

export interface TerminalBlockOptions {
  /** Where the block stands. */
  readonly output: TerminalOutput
  /** What leads to the same terminal beside it. */
  readonly others: readonly Writable[]
  /** Whether tones are shown. */
  readonly isStyled: boolean
}

/** Each with what ends it. */
const tones = { faint: ['\x1b[2m', '\x1b[22m'], strong: ['\x1b[1m', '\x1b[22m'] } as const
/** Less is too little for a block and for what passes above it. */
const columnsMin = 20
const rowsMin = 6

/**
 * Lines at the bottom of a terminal that are rewritten in place, while whatever the process writes passes above them. The
 * cursor stays visible, at the beginning of the line below, and no mode of the terminal is changed: whatever ends the process,
 * there is nothing to be put right.
 */
export class TerminalBlock {
  readonly #options: TerminalBlockOptions
  readonly #write: Write
  readonly #restores: (() => void)[] = []
  readonly #resized = () => this.#draw()
  #lines: readonly BlockLine[] = []
  /** The widths of the lines that stand there. */
  #drawn: readonly number[] = []
  /** Somebody has begun a line, and there is no place for a block until it ends. */
  #isMidLine = false

  constructor(options: TerminalBlockOptions) {
    this.#options = options
    const { output, others } = options
    this.#write = output.write.bind(output)
    for (const stream of new Set([output, ...others])) this.#letPass(stream)
    output.on('resize', this.#resized)
  }

  /** From the most important line on: where there is no room for all, the last ones are left out. */
  show(lines: readonly BlockLine[]): void {
    this.#lines = lines
    this.#draw()
  }

  /** Takes the block away. */
  close(): void {
    this.#options.output.off('resize', this.#resized)
    this.show([])
    for (const restore of this.#restores) restore()
  }

  #letPass(stream: Writable): void {
    const write: Write = stream.write.bind(stream)
    const own = Object.getOwnPropertyDescriptor(stream, 'write')
    stream.write = (chunk: string | Uint8Array, encoding?: BufferEncoding | Written, written?: Written) => {
      if (this.#drawn.length > 0) this.#write(`${this.#toTop()}\x1b[J`)
      this.#drawn = []
      const isTaken = typeof encoding === 'string' ? write(chunk, encoding, written) : write(chunk, encoding)
      if (chunk.length > 0) this.#isMidLine = chunk.at(-1) !== (typeof chunk === 'string' ? '\n' : 0x0a)
      this.#draw()
      return isTaken
    }
    this.#restores.push(() => {
      Reflect.deleteProperty(stream, 'write')
      if (own) Object.defineProperty(stream, 'write', own)
    })
  }

  #draw(): void {
    if (this.#isMidLine) return
    const lines = this.#fitted()
    if (lines.length + this.#drawn.length === 0) return
    const rewritten = lines.map(({ text, tone }) => `${this.#toned(text, tone)}\x1b[K\n`)
    this.#write(`${this.#toTop()}${rewritten.join('')}\x1b[J`)
    this.#drawn = lines.map(({ text }) => widthOf(text))
  }

  #fitted(): readonly BlockLine[] {
    const { columns, rows } = this.#options.output
    if (columns < columnsMin || rows < rowsMin) return []
    const lines = this.#lines.slice(0, Math.floor(rows / 2))
    // A line that fills the last column wraps in some terminals.
    return lines.map((line) => ({ ...line, text: fittedLine(line.text, columns - 1) }))
  }

  /** A terminal that has become narrower has wrapped what stood there. */
  #toTop(): string {
    const columns = Math.max(1, this.#options.output.columns)
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
    return rows > 0 ? `\r\x1b[${rows}A` : ''
  }

  #toned(text: string, tone: BlockLine['tone']): string {
    if (tone === undefined || !this.#options.isStyled) return text
    const [begin, end] = tones[tone]
    return `${begin}${text}${end}`
  }
}
