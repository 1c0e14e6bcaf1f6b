import {
  closeSync,
  existsSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { dirname } from "node:path"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { ConfigError } from "./config.ts"

/** Files of the operator: there is never half of one, and what a secret one held is overwritten when it is replaced. */

/** Read by whoever is neither the owner nor, in a file that the service manager made, of its group. */
const OTHERS = 0o077
const OTHERS_MANAGED = 0o007

/** Runs work and says in a sentence, with the system's code, what could not be done. */
export function explaining<T>(sentence: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const code = error instanceof Error && "code" in error ? error.code : undefined
    throw new ConfigError(typeof code === "string" ? `${sentence} (${code})` : sentence)
  }
}

/**
 * Reads a secret file, which the caller overwrites. `name` is how a sentence calls it, such as "the secrets file".
 *
 * @throws ConfigError it cannot be read, or others can read it too
 */
export function readPrivateFile(name: string, path: string, managed = false): Uint8Array {
  return explaining(`${name} ${path} cannot be read`, () =>
    opened(path, "r", (descriptor) => {
      if ((fstatSync(descriptor).mode & (managed ? OTHERS_MANAGED : OTHERS)) !== 0) {
        throw new ConfigError(`${name} ${path} can be read by others: make it private with chmod 600 ${path}`)
      }
      return readWhole(descriptor)
    }),
  )
}

/** Reads a file that holds no secret. Throws ConfigError. */
export function readPublicFile(name: string, path: string): Uint8Array {
  return explaining(`${name} ${path} cannot be read`, () => opened(path, "r", readWhole))
}

/**
 * Makes a file to be carried elsewhere. One that is there already is left alone; with the same content that is as good,
 * so that a command can be given again.
 *
 * @throws ConfigError it is there with another content, or cannot be made
 */
export function createFile(
  crypto: CryptoProvider,
  name: string,
  path: string,
  bytes: Uint8Array,
  mode: 0o600 | 0o644,
): void {
  explaining(`${name} ${path} cannot be made`, () => {
    if (!existsSync(path)) {
      // Portable media have file systems without links, which would refuse a name that was taken in this moment.
      writeBeside(crypto, path, bytes, { mode }, (unnamed) => renameSync(unnamed, path))
    } else if (!equal(readFileSync(path), bytes)) {
      throw new ConfigError(`${name} ${path} is there already with another content: choose another name`)
    }
  })
}

/** Makes a secret file, of which only one must ever be made under this name. Throws ConfigError, also if it is there. */
export function createPrivateFile(
  crypto: CryptoProvider,
  name: string,
  path: string,
  bytes: Uint8Array,
): void {
  explaining(`${name} ${path} cannot be made`, () =>
    writeBeside(crypto, path, bytes, { mode: 0o600 }, (unnamed) => linkSync(unnamed, path)),
  )
}

/**
 * Puts a secret file in the place of the one that `before` is the SHA-256 of, with its owner and mode, and overwrites
 * the old one's blocks.
 *
 * @throws ConfigError the file is another one by now, or cannot be replaced
 */
export function replacePrivateFile(
  crypto: CryptoProvider,
  name: string,
  path: string,
  bytes: Uint8Array,
  before: Uint8Array,
): void {
  explaining(`${name} ${path} cannot be replaced`, () => {
    const file = realpathSync(path)
    opened(file, "r+", (old) => {
      const { uid, gid, mode } = fstatSync(old)
      writeBeside(crypto, file, bytes, { mode: mode & 0o700, uid, gid }, (unnamed) => {
        const current = readPrivateFile(name, file)
        const same = equal(crypto.sha256(current), before)
        wipe(current)
        if (!same) throw new ConfigError(`${name} ${path} was changed meanwhile: try again`)
        renameSync(unnamed, file)
      })
      overwrite(old)
    })
  })
}

interface Rights {
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
}

/** Writes beside the file, then lets `name` give it its name: there is never half a file, also not after a power cut. */
function writeBeside(
  crypto: CryptoProvider,
  file: string,
  bytes: Uint8Array,
  { mode, uid, gid }: Rights,
  name: (unnamed: string) => void,
): void {
  const unnamed = `${file}.${toHex(crypto.random(8))}`
  try {
    const descriptor = openSync(unnamed, "wx", mode)
    try {
      if (uid !== undefined && gid !== undefined) fchownSync(descriptor, uid, gid)
      writeWhole(descriptor, bytes)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    name(unnamed)
  } finally {
    rmSync(unnamed, { force: true })
  }
  opened(dirname(file), "r", fsyncSync)
}

function opened<T>(path: string, flags: "r" | "r+", work: (descriptor: number) => T): T {
  const descriptor = openSync(path, flags)
  try {
    return work(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function readWhole(descriptor: number): Uint8Array {
  const content = readFileSync(descriptor)
  const bytes = new Uint8Array(content)
  wipe(content)
  return bytes
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at)
}

/** The file has no name any more; its blocks are free when it is closed. */
function overwrite(descriptor: number): void {
  const zeros = new Uint8Array(fstatSync(descriptor).size)
  writeSync(descriptor, zeros, 0, zeros.length, 0)
  fsyncSync(descriptor)
}
