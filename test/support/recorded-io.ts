import type { Io } from '../../src/cli/io.ts'

/** What a command has written; it is answered with `typed`. */
export function recordedIo(typed = '', env: Readonly<Record<string, string>> = {}) {
  const said = { out: '', err: '', asked: '' }
  const io: Io = {
    env,
    out(text) {
      said.out += text
    },
    err(text) {
      said.err += text
    },
    async ask(question) {
      said.asked += question
      return typed
    },
  }
  return { io, said }
}
