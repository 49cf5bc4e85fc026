import { Writable } from 'node:stream'

/** What a process writes into a terminal, and what is seen there: as much of a VT100 as log lines and status blocks ask for. */
export class Terminal extends Writable {
  columns: number
  rows: number
  /** All that was ever written. */
  text = ''
  #lines: string[] = ['']
  #row = 0
  #column = 0

  constructor({ columns = 80, rows = 24 } = {}) {
    super({ decodeStrings: false })
    this.columns = columns
    this.rows = rows
  }

  /** Its lines, from the first one on that did not leave it at the top, without what is empty at the end. */
  get lines(): string[] {
    return this.#lines.join('\n').trimEnd().split('\n')
  }

  /** Where the cursor is: a line of it, and a column. */
  get cursor(): { readonly line: number; readonly column: number } {
    return { line: this.#row, column: this.#column }
  }

  /** As a terminal that wraps what stands there anew when it becomes narrower. */
  resize(columns: number): void {
    this.columns = columns
    const wrapped = this.#lines.map((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? [''])
    this.#row = wrapped.slice(0, this.#row).flat().length
    this.#lines = wrapped.flat()
    this.emit('resize')
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, written: () => void): void {
    this.text += chunk
    const [text = '', ...commanded] = String(chunk).split('\x1b[')
    this.#put(text)
    for (const part of commanded) {
      const command = /^\d*[A-Za-z]/.exec(part)?.[0] ?? ''
      this.#obey(command)
      this.#put(part.slice(command.length))
    }
    written()
  }

  #put(text: string): void {
    for (const sign of text) {
      const line = this.#lines[this.#row] ?? ''
      if (sign === '\n') this.#newLine()
      else if (sign === '\r') this.#column = 0
      else {
        if (this.#column >= this.columns) throw new Error(`"${line}" wraps`)
        this.#lines[this.#row] = line.slice(0, this.#column) + sign + line.slice(this.#column + 1)
        this.#column++
      }
    }
  }

  #obey(command: string): void {
    const line = this.#lines[this.#row] ?? ''
    const kind = command.at(-1)
    if (kind === 'A') this.#row = Math.max(0, this.#row - Number.parseInt(command, 10))
    else if (kind === 'K' || kind === 'J') this.#lines[this.#row] = line.slice(0, this.#column)
    else if (kind !== 'm') throw new Error(`unknown: ${command}`)
    if (kind === 'J') this.#lines.length = this.#row + 1
  }

  #newLine(): void {
    this.#row++
    this.#column = 0
    this.#lines[this.#row] ??= ''
  }
}
