import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A certificate and its key: files of PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes certificates in a folder, with the machine's `openssl`. */
export class Certificates {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Of an authority, that has signed itself. */
  authority(name: string): Promise<Certificate> {
    return this.#make(name, [])
  }

  /** Signed by the authority. `altNames`: as `DNS:localhost,IP:127.0.0.1`. */
  async signed(name: string, authority: Certificate, altNames = `DNS:${name}`): Promise<Certificate> {
    const extensions = [
      '-addext',
      `subjectAltName=${altNames}`,
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ]
    return this.#make(name, ['-CA', authority.cert, '-CAkey', authority.key, ...extensions])
  }

  /** The same key, in a file that needs the password. */
  async locked({ key }: Certificate, password: string): Promise<string> {
    const file = `${key}.locked`
    await run('openssl', ['pkcs8', '-topk8', '-in', key, '-out', file, '-passout', `pass:${password}`])
    return file
  }

  async #make(name: string, rest: readonly string[]): Promise<Certificate> {
    const [cert, key] = [join(this.#dir, `${name}.pem`), join(this.#dir, `${name}.key`)]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const files = ['-keyout', key, '-out', cert]
    await run('openssl', ['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, ...files, ...rest])
    return { cert, key }
  }
}

/** Key and certificate in one file's text, as Kafka's PEM key stores have it. */
export async function chained({ cert, key }: Certificate): Promise<string> {
  return (await readFile(key, 'utf8')) + (await readFile(cert, 'utf8'))
}
