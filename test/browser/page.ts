/**
 * What the test's page runs: an application of the library, by its public entry alone. The test calls it through
 * `globalThis.page` and hears of events through `globalThis.seen`, which it puts there.
 */
import { Client, ClientError, type ClientEvent, indexedDbStore } from "cinder/client"
import { durableStoreCases, storeCases } from "../client/store-conformance.ts"
import { checkRounds, writeRounds } from "../client/store-rounds.ts"

/** What the test hears of an event: its number, its type, and whatever of the rest is text; content as UTF-8. */
export interface Seen {
  readonly number: number
  readonly type: ClientEvent["type"]
  readonly user: string
  readonly text: string
}

declare global {
  function seen(event: Seen): Promise<void>
  var page: Application
}

let client: Client | undefined
let written = 0

function started(): Client {
  if (client === undefined) throw new Error("not started")
  return client
}

function group() {
  const [first] = started().groups()
  if (first === undefined) throw new Error("not in a group")
  return first
}

function userOf(event: ClientEvent): string {
  if (event.type === "message") return event.sender
  return "user" in event ? event.user : ""
}

const application = {
  /** Runs every case of the conformance suite on a database of its own; the failures' names and messages. */
  async conformance(): Promise<string[]> {
    const failures: string[] = []
    for (const [index, { name, run }] of [...storeCases, ...durableStoreCases].entries()) {
      try {
        await run({ open: () => indexedDbStore(`case-${index}`) })
      } catch (error) {
        failures.push(`${name}: ${error}`)
      }
    }
    return failures
  },

  /** Opens a database, which stays open, and returns what it holds under a key; a refusal's code instead. */
  async look(name: string, key: string): Promise<string> {
    try {
      const store = await indexedDbStore(name)
      return new TextDecoder().decode(await store.get(key))
    } catch (error) {
      return error instanceof ClientError ? error.code : `${error}`
    }
  },

  /** Writes a text and does not close. */
  async write(name: string, key: string, text: string): Promise<void> {
    const store = await indexedDbStore(name)
    await store.put(key, new TextEncoder().encode(text))
  },

  /** Begins to write rounds into a database; {@link rounds} tells which was the last. */
  async beginRounds(name: string): Promise<void> {
    const store = await indexedDbStore(name)
    void writeRounds(store, (round) => {
      written = round
    })
  },
  rounds: (): number => written,
  async checkRounds(name: string): Promise<number> {
    const store = await indexedDbStore(name)
    const last = await checkRounds(store)
    await store.close()
    return last
  },

  /** Makes a database that is none of the library's, or one of a later version of it. */
  async makeForeign(name: string, version: number): Promise<void> {
    const request = indexedDB.open(name, version)
    await new Promise((resolve) => {
      request.onsuccess = resolve
    })
    request.result.close()
  },

  /** What a page can read of an answer to a request as the library makes them, with a token that is none. */
  async ask(url: string): Promise<Record<string, string | null>> {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/cbor", authorization: "PrivateToken token=AAAA" },
      body: new Uint8Array(3),
      credentials: "omit",
    })
    const { code } = (await response.json()) as { readonly code: string }
    return { code, ...Object.fromEntries(response.headers) }
  },

  /** Starts the client over its database, which is there from before or made now. */
  async start(url: string, displayName: string, password?: string): Promise<string> {
    client = await Client.create({
      url,
      store: await indexedDbStore("client"),
      displayName,
      ...(password !== undefined && { password }),
      spreadMilliseconds: 0,
    })
    client.onEvent(async (event) => {
      const text = event.type === "message" ? new TextDecoder().decode(event.bytes) : ""
      await seen({ number: event.number, type: event.type, user: userOf(event), text })
      if (event.type === "connection-request") await event.accept()
    })
    return client.userId
  },
  connect: (user: string): Promise<void> => started().connect(user),
  poll: (): Promise<void> => started().pollConnectionRequests(),
  caughtUp: (): Promise<void> => started().caughtUp(),
  async createGroup(): Promise<void> {
    await started().createGroup()
  },
  add: (user: string): Promise<void> => group().add(user),
  send: (text: string): Promise<number> => group().send(new TextEncoder().encode(text)),
  members: (): string[] =>
    group()
      .members()
      .map(({ user }) => user)
      .sort(),
  deleteAccount: (password?: string): Promise<void> => started().deleteAccount(password),

  /** Where anything could be left beside IndexedDB: what is there. */
  async elsewhere(): Promise<string[]> {
    return [
      ...Object.keys(localStorage),
      ...Object.keys(sessionStorage),
      ...(await caches.keys()),
      ...document.cookie.split(";").filter((cookie) => cookie !== ""),
    ]
  },
}

export type Application = typeof application

globalThis.page = application
