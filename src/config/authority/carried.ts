import type { CryptoProvider } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { CodecError } from "../../wire/tls.ts"
import { ConfigError } from "../config.ts"
import { type FileKind, fileKind } from "../file-form.ts"
import { createFile, readPrivateFile, readPublicFile } from "../private-file.ts"
import {
  decodeRequestFile,
  decodeRootFile,
  decodeSignedFile,
  encodeRequestFile,
  encodeRootFile,
  encodeSignedFile,
  type RootFile,
  type SignedFile,
} from "./files.ts"

/** Reading and making the files of files.ts. All throw ConfigError; an existing file is never replaced. */

const names: Readonly<Record<FileKind, string>> = {
  secrets: "a secrets file",
  root: "a root file",
  request: "a request",
  credential: "a signed credential",
  day: "a key of one day",
}

function decodedAs<T>(kind: FileKind, path: string, bytes: Uint8Array, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    const is = fileKind(bytes)
    const found = is === undefined || is === kind ? "it is damaged, or something else" : `it is ${names[is]}`
    throw new ConfigError(`${path} is not ${names[kind]}: ${found}`)
  }
}

/** The seed is the caller's to wipe. */
export function readRoot(crypto: CryptoProvider, path: string): RootFile {
  const bytes = readPrivateFile("the root file", path)
  try {
    return decodedAs("root", path, bytes, () => decodeRootFile(crypto, bytes))
  } finally {
    wipe(bytes)
  }
}

/** For its owner alone. */
export function createRoot(crypto: CryptoProvider, path: string, root: RootFile): void {
  const bytes = encodeRootFile(crypto, root)
  try {
    createFile(crypto, "the root file", path, bytes, 0o600)
  } finally {
    wipe(bytes)
  }
}

/** The signing request in the file. */
export function readRequest(crypto: CryptoProvider, path: string): Uint8Array {
  const bytes = readPublicFile("the request", path)
  return decodedAs("request", path, bytes, () => decodeRequestFile(crypto, bytes))
}

export function createRequest(crypto: CryptoProvider, path: string, csr: Uint8Array): void {
  createFile(crypto, "the request", path, encodeRequestFile(crypto, csr), 0o644)
}

export function readSigned(crypto: CryptoProvider, path: string): SignedFile {
  const bytes = readPublicFile("the credential", path)
  return decodedAs("credential", path, bytes, () => decodeSignedFile(crypto, bytes))
}

export function createSigned(crypto: CryptoProvider, path: string, signed: SignedFile): void {
  createFile(crypto, "the credential", path, encodeSignedFile(crypto, signed), 0o644)
}
