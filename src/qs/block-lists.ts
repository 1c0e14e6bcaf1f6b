import type { CryptoProvider } from "../crypto/provider.ts"
import { BLOCK_LISTS_IN_MEMORY_MAX } from "../limits.ts"
import { byteName } from "../store/byte-name.ts"
import type { View } from "../store/database.ts"
import { includesBytes } from "../wire/bytes.ts"
import { type ClientState, decodeClientState, groupHash } from "./client-state.ts"
import { clients } from "./tables.ts"

type BlockList = Pick<ClientState, "blockSalt" | "blocked">

/**
 * Which groups' messages each client does not want, for the fan-out. It is asked for every recipient of every message,
 * so lists are kept in memory as they are used, up to a bound; the record is read again for those that are not.
 *
 * The QS knows which group a message belongs to because it seals messages for their recipients itself. So whoever
 * watches its memory learns of a block that it exists; whoever has the files learns nothing, for lists are sealed, and
 * hashed by themselves, because the DS's tables name all groups that could be in them.
 */
export class BlockLists {
  readonly #crypto: CryptoProvider
  readonly #max: number
  /** By client; undefined for the many that block nothing. */
  readonly #known = new Map<string, BlockList | undefined>()

  constructor(crypto: CryptoProvider, max: number = BLOCK_LISTS_IN_MEMORY_MAX) {
    this.#crypto = crypto
    this.#max = max
  }

  blocks(view: View, client: Uint8Array, groupId: Uint8Array): boolean {
    const list = this.#listOf(view, client)
    if (list === undefined) return false
    const hash = groupHash(this.#crypto, list.blockSalt, groupId)
    return includesBytes(list.blocked, hash)
  }

  /** The client's list changes, or the client goes; to be called again if the change fails. */
  forget(client: Uint8Array): void {
    this.#known.delete(byteName(client))
  }

  #listOf(view: View, client: Uint8Array): BlockList | undefined {
    const key = byteName(client)
    if (this.#known.has(key)) return this.#known.get(key)
    const row = view.get(clients, { id: client })
    if (row === undefined) return undefined
    const { blockSalt, blocked } = decodeClientState(row.state)
    const list = blocked.length === 0 ? undefined : { blockSalt, blocked }
    const [oldest] = this.#known.keys()
    if (this.#known.size >= this.#max && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(key, list)
    return list
  }
}
