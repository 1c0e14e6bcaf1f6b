import type { Static, TSchema } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import { GroupRecord } from "../../src/client/group-records.ts"
import {
  Account,
  AliasRecord,
  Contact,
  IncomingRequest,
  StoredConnectionPackage,
  StoredKeyPackage,
} from "../../src/client/records.ts"
import { type ClientStore, memoryStore, type StoreChange } from "../../src/client/store.ts"
import { decodeBody } from "../../src/wire/cbor.ts"

/** A client's store that forgets nothing: it keeps a copy of every value that the client ever wrote. */
export class RememberingStore implements ClientStore {
  readonly #inner = memoryStore()
  readonly #written: { readonly key: string; readonly value: Uint8Array }[] = []

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#inner.get(key)
  }

  list(prefix: string): Promise<string[]> {
    return this.#inner.list(prefix)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.transaction([{ key, value }])
  }

  delete(key: string): Promise<void> {
    return this.transaction([{ key, value: undefined }])
  }

  transaction(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, value } of changes)
      if (value !== undefined) this.#written.push({ key, value: value.slice() })
    return this.#inner.transaction(changes)
  }

  /** Every value that a record with this name, or a name that begins with it, ever had. */
  values(name: string): Uint8Array[] {
    return this.#written.filter(({ key }) => key.startsWith(name)).map(({ value }) => value)
  }

  /** The names of all records that ever were below a prefix, without it. */
  names(prefix: string): string[] {
    const keys = this.#written.map(({ key }) => key).filter((key) => key.startsWith(prefix))
    return [...new Set(keys)].map((key) => key.slice(prefix.length))
  }

  records<T extends TSchema>(schema: T, name: string): Static<T>[] {
    return this.values(name).map((value) => {
      const record = decodeBody(value)
      if (!Value.Check(schema, record)) throw new Error(`a record ${name} is not what it should be`)
      return record
    })
  }

  account(): Static<typeof Account> {
    const account = this.records(Account, "account").at(-1)
    if (account === undefined) throw new Error("no account")
    return account
  }

  groups(): Static<typeof GroupRecord>[] {
    return this.records(GroupRecord, "group/")
  }

  /** The keys and tokens that a client holds and no server may keep, by name. */
  keys(): { readonly name: string; readonly key: Uint8Array }[] {
    const keys = [
      ...named(this.records(Account, "account"), [
        "clientSeed",
        "loginSecret",
        "connectionQueueKey",
        "friendshipToken",
        "friendshipKey",
        "profileKey",
        "pushTokenKey",
        "qsUserSeed",
        "qsClientSeed",
        "queueKey",
      ]),
      ...named(this.records(StoredKeyPackage, "key-package/"), ["initKey", "encryptionKey", "signatureSeed"]),
      ...named(this.records(StoredConnectionPackage, "connection-package/"), ["secretKey"]),
      ...named(this.records(AliasRecord, "alias/"), ["authSeed", "queueKey"]),
      ...named(this.records(Contact, "contact/"), ["friendshipToken", "friendshipKey", "profileKey"]),
      ...named(this.records(IncomingRequest, "incoming/"), ["earKey", "credentialKey"]),
      ...named(this.groups(), ["earKey", "credentialKey"]),
    ]
    const once = new Map(keys.map((entry) => [`${entry.name} ${entry.key}`, entry]))
    return [...once.values()]
  }
}

function named<R, K extends keyof R & string>(records: readonly R[], fields: readonly K[]) {
  return records.flatMap((record) =>
    fields.flatMap((name) => {
      const key = record[name]
      return key instanceof Uint8Array ? [{ name, key }] : []
    }),
  )
}
