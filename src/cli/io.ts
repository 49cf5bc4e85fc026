import { createInterface } from 'node:readline/promises'

/** What a command reads and writes beside its arguments. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** What somebody types, up to the end of the line; '' where nobody does. */
  ask(question: string): Promise<string>
}

/** That of this process. Answers belong on stdout; what is asked goes to stderr. */
export const processIo: Io = {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  async ask(question) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
    const answer = await Promise.race([terminal.question(question), closed])
    terminal.close()
    return answer
  },
}
