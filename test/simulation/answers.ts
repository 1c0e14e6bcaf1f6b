import type { Fetch } from "../../src/client/transport.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { decodeCbor } from "../../src/wire/cbor.ts"
import { parseRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"

/** A commit that the server said yes to. */
export interface Accepted {
  readonly group: string
  /** The one that it ended. */
  readonly epoch: number
  /** Of the commit, hexadecimal. */
  readonly hash: string
  /** The group is gone with it. */
  readonly deletes: boolean
}

const signed: readonly string[] = [
  ...[ds.addUsers, ds.removeUsers, ds.updateClient, ds.changeRoles, ds.resync, ds.deleteGroup],
].map(({ path }) => path)

/** Listens beside the server: what it said yes to, whether or not the answer reached the client. */
export class Answers {
  readonly accepted: Accepted[] = []

  /** The network as far as the place where answers may be lost. */
  readonly fetch: Fetch = async (url, request) => {
    const commit = commitOf(url.pathname, request.body)
    const response = await fetch(url, request)
    if (response.ok && commit !== undefined) this.accepted.push(commit)
    return response
  }
}

function commitOf(path: string, body: unknown): Accepted | undefined {
  const unsigned = path === ds.joinConnectionGroup.path
  if (!(body instanceof Uint8Array) || (!unsigned && !signed.includes(path))) return undefined
  const copy = body.slice(1)
  const params = decodeCbor(unsigned ? copy : parseRequest(copy).payload.slice())
  const { groupId, commit } = params as { readonly groupId: Uint8Array; readonly commit: Uint8Array }
  const hash = toHex(nativeCrypto.sha256(commit))
  const decoded = decodeMlsMessage(commit)
  if (decoded.kind !== "publicMessage") throw new Error("a commit that is none")
  const epoch = Number(decoded.message.framed.epoch)
  return { group: toHex(groupId), epoch, hash, deletes: path === ds.deleteGroup.path }
}
