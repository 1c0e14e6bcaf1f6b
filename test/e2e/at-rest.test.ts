import { beforeAll, describe, expect, test } from "bun:test"
import { StoredKeyPackage } from "../../src/client/records.ts"
import { authorityOf } from "../../src/config/secrets.ts"
import { ID_BYTES } from "../../src/limits.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { formatUserId, userOfClient } from "../../src/wire/user-id.ts"
import { liveThrough, type Run } from "./at-rest-run.ts"
import { DOMAIN } from "./homeserver.ts"
import { contains, Haystack } from "./search.ts"
import { blob, type Snapshot } from "./snapshot.ts"
import { instantsIn, isCoarse, lifetimesIn, monthOf } from "./times.ts"

/** What somebody finds who took the disk, with everything that clients hold at hand to look for. */

let run: Run
beforeAll(async () => {
  run = await liveThrough()
}, 60_000)

const moments = ["registered", "queued", "killed", "received", "stopped"] as const
const everywhere = (snapshot: Snapshot): Uint8Array[] => [...snapshot.files.values()]

describe.each(moments)("the data directory when all is %s", (moment) => {
  test("holds the databases and their logs, and no other file", () => {
    const names = [...run[moment].files.keys()]
    for (const name of names) expect(name).toMatch(/^(as|delivery)\.sqlite(-wal)?$/)
    if (moment === "stopped") expect(names).toEqual(["as.sqlite", "delivery.sqlite"])
  })

  test("holds no key or token of a client, raw, in hexadecimal or base64", () => {
    const keys = run.stores.flatMap((store) => store.keys())
    const kinds = new Set(keys.map(({ name }) => name))
    expect([...kinds].sort()).toEqual([
      "clientSeed",
      "connectionQueueKey",
      "credentialKey",
      "earKey",
      "encryptionKey",
      "friendshipKey",
      "friendshipToken",
      "initKey",
      "loginSecret",
      "profileKey",
      "pushTokenKey",
      "qsClientSeed",
      "qsUserSeed",
      "queueKey",
      "secretKey",
      "signatureSeed",
    ])
    const found = keys.filter(({ key }) => contains(everywhere(run[moment]), key))
    expect(found.map(({ name }) => name)).toEqual([])
  })

  test("holds nothing of what clients keep of groups, queues, contacts and events, at no time", () => {
    const files = new Haystack(everywhere(run[moment]))
    const known = new Haystack([utf8(DOMAIN), run[moment].schema, ...conceded()])
    for (const name of ["group/", "queue/", "contact/", "outgoing/", "incoming/", "event/"]) {
      const values = run.stores.flatMap((store) => store.values(name))
      expect(values.length).toBeGreaterThan(0)
      expect([name, ...values.flatMap((value) => files.sharedWith(value, known))]).toEqual([name])
    }
  })

  test("holds no plaintext and no display name", () => {
    const files = everywhere(run[moment])
    expect(run.plaintexts.length).toBeGreaterThan(50)
    expect(run.plaintexts.filter((text) => contains(files, utf8(text)))).toEqual([])
    expect(contains(files, utf8("quietly"))).toBe(false)
  })

  test("holds no key of the secrets file", () => {
    const { opaqueSetup, authority: _, ...secrets } = run.secrets
    const oprf = { oprfSeed: opaqueSetup.subarray(0, 64), opaqueKey: opaqueSetup.subarray(64, 96) }
    const { rootSeed, intermediateSeed } = authorityOf(run.secrets)
    const all = { ...secrets, ...oprf, rootSeed, intermediateSeed }
    const keys = Object.entries(all).flatMap(([name, value]: [string, unknown]) => {
      const values = Array.isArray(value) ? value : [value]
      return values.filter((key) => key instanceof Uint8Array).map((key) => ({ name, key }))
    })
    expect(keys.length).toBe(12)
    expect(keys.filter(({ key }) => contains(everywhere(run[moment]), key)).map(({ name }) => name)).toEqual(
      [],
    )
  })

  test("has no id of a user or client of the AS with the delivery service", () => {
    const delivery = run[moment].database("delivery")
    for (const store of run.stores) {
      const { clientId } = store.account()
      expect(contains(delivery, clientId.subarray(0, ID_BYTES))).toBe(false)
      expect(contains(delivery, clientId.subarray(ID_BYTES))).toBe(false)
      expect(contains(delivery, utf8(formatUserId(userOfClient(clientId), DOMAIN)))).toBe(false)
    }
  })

  test("has no QS id, group id or queue tag with the AS", () => {
    const as = run[moment].database("as")
    const ids = run.stores.flatMap((store) => {
      const { qs } = store.account()
      return [qs?.user, qs?.client]
    })
    const groups = groupIds()
    const tags = moments.flatMap((name) => run[name].pool("qs_pool").map(({ tag }) => tag))
    expect([ids.length, groups.length >= 6, tags.length > 100]).toEqual([10, true, true])
    for (const id of [...ids, ...groups, ...tags]) expect(contains(as, blob(id))).toBe(false)
  })

  test("has no value of one service in a file of the other, but the domain", () => {
    const known = new Haystack([utf8(DOMAIN)])
    const snapshot = run[moment]
    const as = new Haystack(snapshot.database("as"))
    const delivery = new Haystack(snapshot.database("delivery"))
    const asValues = snapshot.blobs("as_")
    const deliveryValues = [...snapshot.blobs("qs_"), ...snapshot.blobs("ds_")]
    expect(asValues.flatMap((value) => delivery.sharedWith(value, known))).toEqual([])
    expect(deliveryValues.flatMap((value) => as.sharedWith(value, known))).toEqual([])
  })

  test("has few numbers: months of groups and token keys, the part of a profile, one that is always 0, and beginnings of ids", () => {
    const numbers = new Map<string, Set<unknown>>()
    for (const [table, rows] of run[moment].tables) {
      for (const row of rows) {
        for (const [column, value] of Object.entries(row)) {
          if (value instanceof Uint8Array) continue
          const name = `${table}.${column}`
          numbers.set(name, (numbers.get(name) ?? new Set()).add(value))
        }
      }
    }
    const month = [monthOf(run.began)]
    const beginnings = (table: string) =>
      run[moment].rows(table).map((row) => Number.parseInt(blob(row["group_id"]).toHex().slice(0, 13), 16))
    const allowed = {
      "ds_head.place": beginnings("ds_head"),
      "ds_tree.place": beginnings("ds_tree"),
      "ds_group.month": month,
      "as_token_key.month": month,
      "veil_epochs.id": [0],
      "as_profile.part": [0, 1, 2, 3, 4, 5, 6, 7],
    }
    for (const [name, values] of numbers) {
      expect(Object.keys(allowed)).toContain(name)
      for (const value of values) expect(allowed[name as keyof typeof allowed]).toContain(value as number)
    }
  })

  test("has no time in its values that is finer than a month", () => {
    const values = ["as_", "ds_", "qs_"].flatMap((prefix) => run[moment].blobs(prefix))
    expect(values.flatMap((value) => [...instantsIn(value, run)])).toEqual([])
    const lifetimes = values.flatMap((value) => [...lifetimesIn(value)])
    expect(lifetimes.length).toBeGreaterThan(0)
    expect(lifetimes.flat().filter((time) => !isCoarse(time))).toEqual([])
  })
})

/** What the requirement concedes to be stored: ids, credentials, and the KeyPackages that clients publish. */
function conceded(): Uint8Array[] {
  const own = run.stores.flatMap((store) => {
    const { clientId, credential, qs } = store.account()
    const published = store.records(StoredKeyPackage, "key-package/").map(({ keyPackage }) => keyPackage)
    return [clientId, credential, qs?.user, qs?.client, ...published]
  })
  return [...own, ...groupIds()].filter((value) => value instanceof Uint8Array)
}

function groupIds(): Uint8Array[] {
  return run.queued.rows("ds_group").map((row) => blob(row["group_id"]))
}

describe("the pool", () => {
  const pools = () => moments.flatMap((moment) => run[moment].pool("qs_pool"))

  test("has queued messages while somebody is away, and connection requests", () => {
    expect(run.queued.pool("qs_pool").length).toBeGreaterThan(100)
    expect(run.killed.pool("qs_pool").length).toBeGreaterThan(run.queued.pool("qs_pool").length)
    expect(run.queued.pool("as_pool").length).toBeGreaterThan(0)
  })

  test("has entries of one size", () => {
    expect(new Set(pools().map(({ entry }) => entry.length)).size).toBe(1)
    expect(new Set(pools().map(({ tag }) => tag.length))).toEqual(new Set([16]))
    expect(new Set(run.queued.pool("as_pool").map(({ entry }) => entry.length)).size).toBe(1)
  })

  test("looks random, as a whole and at every place of its entries", () => {
    const { entries, tags } = {
      entries: run.killed.pool("qs_pool").map(({ entry }) => entry),
      tags: run.killed.pool("qs_pool").map(({ tag }) => tag),
    }
    for (const values of [entries, tags]) {
      // 255 degrees of freedom: more than 450 comes once in a hundred thousand million times.
      expect(chiSquare(countBytes(values))).toBeLessThan(
        values.length * (values[0]?.length ?? 0) < 5 * 256 ? Number.NaN : 450,
      )
      const most = values.length / 256 + 12 * Math.sqrt(values.length / 256) + 4
      for (let place = 0; place < (values[0]?.length ?? 0); place++) {
        const counts = countBytes(values.map((value) => value.subarray(place, place + 1)))
        expect(Math.max(...counts)).toBeLessThan(most)
      }
    }
  })

  test("shares nothing with the records of the queues, nor one entry with another", () => {
    for (const moment of moments) {
      for (const [records, pool] of [
        ["qs_queue", "qs_pool"],
        ["as_queue", "as_pool"],
      ] as const) {
        const entries = run[moment].pool(pool).flatMap(({ tag, entry }) => [tag, entry])
        const queues = new Haystack(run[moment].blobs(records))
        expect(entries.flatMap((value) => queues.sharedWith(value))).toEqual([])
        expect(new Set(entries.map((value) => toHex(value.subarray(0, 16)))).size).toBe(entries.length)
      }
    }
  })

  test("has queue records of one size beside it, whatever their queues hold", () => {
    for (const moment of moments) {
      for (const table of ["qs_queue", "as_queue"]) {
        const rows = run[moment].rows(table)
        expect(rows.length).toBe(run.stores.length)
        expect(
          new Set(
            rows.map((row) =>
              Object.values(row)
                .map((value) => blob(value).length)
                .join(" "),
            ),
          ).size,
        ).toBe(1)
      }
    }
  })

  test("is empty when everything is acknowledged", () => {
    for (const moment of ["received", "stopped"] as const) {
      expect(run[moment].pool("qs_pool")).toEqual([])
      expect(run[moment].pool("as_pool")).toEqual([])
    }
  })
})

describe("what was deleted or replaced", () => {
  /** The values of rows at one moment that are in no row at a later one. */
  function gone(table: string, before: Snapshot, after: Snapshot): Uint8Array[] {
    const kept = new Set(after.blobs(table).map(toHex))
    return before.blobs(table).filter((value) => !kept.has(toHex(value)))
  }

  const deletions = [
    ["entries of the pool", "qs_pool", "queued", 200],
    ["entries of the pool of the AS", "as_pool", "queued", 2],
    ["connection packages that were claimed", "as_connection_package", "registered", 8],
    ["AddPackages that were claimed", "qs_add_package", "registered", 8],
    ["states of groups", "ds_", "queued", 4],
    ["records of queues", "qs_queue", "registered", 4],
  ] as const

  test.each(deletions)("is nowhere in the files: %s", (_, table, before, least) => {
    for (const moment of ["received", "stopped"] as const) {
      const deleted = gone(table, run[before], run[moment])
      expect(deleted.length).toBeGreaterThanOrEqual(least)
      const files = new Haystack(everywhere(run[moment]))
      const kept = new Haystack([
        run[moment].schema,
        ...["as_", "ds_", "qs_"].flatMap((prefix) => run[moment].blobs(prefix)),
      ])
      expect(deleted.flatMap((value) => files.sharedWith(value, kept))).toEqual([])
    }
  })

  test("leaves logs of zeros", () => {
    for (const moment of ["registered", "queued", "received"] as const) {
      const logs = [...run[moment].files].filter(([name]) => name.endsWith("-wal"))
      expect(logs.length).toBe(2)
      for (const [, log] of logs) expect(log.every((byte) => byte === 0)).toBe(true)
    }
  })
})

/** How often each value of a byte comes. */
function countBytes(values: readonly Uint8Array[]): number[] {
  const counts = new Array<number>(256).fill(0)
  for (const value of values) for (const byte of value) counts[byte] = (counts[byte] as number) + 1
  return counts
}

function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}
