import { existsSync } from "node:fs"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES } from "../limits.ts"
import type { Config } from "./config.ts"
import { decodeFile, encodeFile } from "./file-form.ts"
import { createPrivateFile, readPrivateFile, replacePrivateFile } from "./private-file.ts"

/** The secret of one period of token allowances (docs/protocol.md section 4.4), and which one. */
interface PeriodKey {
  /** Periods since 1970. */
  readonly period: number
  /** 32 bytes. */
  readonly key: Uint8Array
}

const NAME = "the file of the day's key"

/**
 * Keeps the period's key beside the secrets, in a file of its own: the server writes it every day, and the secrets are the
 * operator's. Nothing is lost with it but how many tokens clients have drawn since the day began. Where the service
 * manager holds the secrets the key is in memory alone, and a restart begins the day anew.
 *
 *     struct { uint32 period; opaque key[32]; } in the form of file-form.ts
 */
export function periodKeys(crypto: CryptoProvider, { secretsFile, secretsManaged }: Config) {
  const file = `${secretsFile}.day`
  return {
    kept: secretsManaged ? undefined : read(crypto, file),
    keep(key: PeriodKey): void {
      if (!secretsManaged) write(crypto, file, key)
    },
  }
}

/** undefined: there is none, or none that can be read, which is as good. Throws ConfigError if others can read it. */
function read(crypto: CryptoProvider, file: string): PeriodKey | undefined {
  if (!existsSync(file)) return undefined
  const bytes = readPrivateFile(NAME, file)
  try {
    return decodeFile(crypto, "day", bytes, (reader) => ({
      period: reader.u32(),
      key: reader.raw(KEY_BYTES).slice(),
    }))
  } catch {
    return undefined
  } finally {
    wipe(bytes)
  }
}

function write(crypto: CryptoProvider, file: string, { period, key }: PeriodKey): void {
  const bytes = encodeFile(crypto, "day", (writer) => writer.u32(period).raw(key))
  try {
    if (existsSync(file)) replace(crypto, file, bytes)
    else createPrivateFile(crypto, NAME, file, bytes)
  } finally {
    wipe(bytes)
  }
}

/** The key before is overwritten where it lies. */
function replace(crypto: CryptoProvider, file: string, bytes: Uint8Array): void {
  const before = readPrivateFile(NAME, file)
  try {
    replacePrivateFile(crypto, NAME, file, bytes, crypto.sha256(before))
  } finally {
    wipe(before)
  }
}
