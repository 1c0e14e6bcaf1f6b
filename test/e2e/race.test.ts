import { afterAll, beforeAll, expect, test } from "bun:test"
import { Value } from "@sinclair/typebox/value"
import type { Fetch } from "../../src/client/transport.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { decodeCbor } from "../../src/wire/cbor.ts"
import { parseRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import { Homeserver } from "./homeserver.ts"
import { type Person, party } from "./person.ts"

const ROUNDS = 25

let server: Homeserver
beforeAll(async () => {
  server = await Homeserver.start()
})
afterAll(() => server.end())

interface Attempt {
  readonly epoch: bigint
  readonly status: number
  readonly code: string | undefined
}

/** Lets commits through in pairs: whoever comes first waits for the other, so that they arrive at one moment. */
class StartingGun {
  readonly attempts: Attempt[] = []
  #waiting: (() => void) | undefined
  #shots = 0

  arm(): void {
    this.#shots = 2
  }

  readonly fetch: Fetch = async (url, request) => {
    if (url.pathname !== ds.updateClient.path) return await fetch(url, request)
    const epoch = epochOf(request.body as Uint8Array)
    if (this.#shots > 0) await this.#ready()
    const response = await fetch(url, request)
    const refusal = response.ok ? undefined : ((await response.clone().json()) as { code: string })
    this.attempts.push({ epoch, status: response.status, code: refusal?.code })
    return response
  }

  async #ready(): Promise<void> {
    this.#shots -= 1
    if (this.#shots > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    } else this.#waiting?.()
  }
}

function epochOf(body: Uint8Array): bigint {
  const params = decodeCbor(parseRequest(body.subarray(1)).payload)
  if (!Value.Check(ds.updateClient.params, params)) throw new Error("not the parameters of a commit")
  const decoded = decodeMlsMessage(params.commit)
  if (decoded.kind !== "publicMessage") throw new Error("not a commit")
  return decoded.message.framed.epoch
}

test("of two commits for one epoch that arrive together exactly one wins, and the loser's comes in the next", async () => {
  const gun = new StartingGun()
  const people = await party([1, 2].map(() => ({ url: server.url, fetch: gun.fetch })))
  const [a, b] = people as [Person, Person]
  for (let round = 0; round < ROUNDS; round++) {
    const before = a.group.epoch
    gun.attempts.length = 0
    gun.arm()
    await Promise.all([a.group.update(), b.group.update()])
    const first = gun.attempts.filter(({ epoch }) => epoch === before)
    expect(first.map(({ status, code }) => `${status} ${code}`).sort()).toEqual([
      "200 undefined",
      "409 ds.wrong-epoch",
    ])
    expect(gun.attempts.filter(({ status }) => status === 200).map(({ epoch }) => epoch)).toEqual([
      before,
      before + 1n,
    ])
    await Promise.all([a.say(`a${round}`), b.say(`b${round}`)])
    await Promise.all([a.untilHeard(`b${round}`), b.untilHeard(`a${round}`)])
    expect([a.group.epoch, b.group.epoch]).toEqual([before + 2n, before + 2n])
  }
  await Promise.all(people.map((person) => person.stop()))
}, 60_000)
