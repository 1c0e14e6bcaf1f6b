import { expect, test } from "bun:test"
import type { ClientStore } from "../../src/client/store.ts"

/** What every ClientStore has to do. `reopen` closes a store and opens what it left behind, where there is such a thing. */
export function conformsToClientStore(
  name: string,
  open: () => Promise<ClientStore>,
  reopen?: (store: ClientStore) => Promise<ClientStore>,
): void {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

  test(`${name}: what was put is there, what was deleted is not`, async () => {
    const store = await open()
    expect(await store.get("a")).toBeUndefined()
    await store.put("a", bytes(1, 2))
    await store.put("a", bytes(3))
    expect(await store.get("a")).toEqual(bytes(3))
    await store.delete("a")
    await store.delete("a")
    expect(await store.get("a")).toBeUndefined()
    await store.put("empty", bytes())
    expect(await store.get("empty")).toEqual(bytes())
  })

  test(`${name}: keys are listed by prefix, in order`, async () => {
    const store = await open()
    for (const key of ["group/b", "group/a", "group", "groups/c", "contact/a", "group/a/1"]) {
      await store.put(key, bytes(0))
    }
    expect(await store.list("group/")).toEqual(["group/a", "group/a/1", "group/b"])
    expect(await store.list("nothing")).toEqual([])
  })

  test(`${name}: a transaction applies its changes in order`, async () => {
    const store = await open()
    await store.put("old", bytes(1))
    await store.transaction([
      { key: "new", value: bytes(1) },
      { key: "old", value: undefined },
      { key: "new", value: bytes(2) },
    ])
    expect(await store.get("new")).toEqual(bytes(2))
    expect(await store.get("old")).toBeUndefined()
  })

  test(`${name}: nobody else's buffer is kept or handed out`, async () => {
    const store = await open()
    const value = bytes(7, 7)
    await store.put("a", value)
    value.fill(0)
    const read = await store.get("a")
    expect(read).toEqual(bytes(7, 7))
    read?.fill(9)
    expect(await store.get("a")).toEqual(bytes(7, 7))
  })

  if (reopen !== undefined) {
    test(`${name}: what a resolved write wrote is there after reopening`, async () => {
      const store = await open()
      await store.transaction([
        { key: "a", value: bytes(1) },
        { key: "b", value: bytes(2) },
      ])
      const again = await reopen(store)
      expect(await again.get("a")).toEqual(bytes(1))
      expect(await again.get("b")).toEqual(bytes(2))
    })
  }
}
