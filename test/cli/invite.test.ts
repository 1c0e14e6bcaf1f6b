import { beforeAll, describe, expect, test } from "bun:test"
import { chmodSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { decodeSecrets } from "../../src/config/secrets.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { dayOf, lastDayOf, parseInvitation } from "../../src/wire/invitation.ts"
import { cinder, type Ended, serve, temporaryDirectory } from "./process.ts"

let secretsFile: string
let whileServing: Ended
beforeAll(async () => {
  const data = join(temporaryDirectory(), "data")
  secretsFile = `${data}.secrets`
  const server = await serve(data, "--registration", "invitation")
  whileServing = await cinder(["invite", "--secrets", secretsFile])
  await server.end("SIGTERM")
})

const today = () => dayOf(Date.now() / 1000)

/** The last day of a code that this server made. */
function lastDay(code: string): number | undefined {
  const { invitationKey } = decodeSecrets(crypto, new Uint8Array(readFileSync(secretsFile)))
  return lastDayOf(crypto, invitationKey, parseInvitation(code))
}

describe("cinder invite", () => {
  test("prints a code that is good for a month, beside a running server", () => {
    const { code, stdout, stderr } = whileServing
    expect(code).toBe(0)
    expect(stdout).toMatch(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}\n$/)
    expect(stderr).toMatch(/^good through \d{4}-\d\d-\d\d \(UTC\), each for one registration\n$/)
    expect([today() + 29, today() + 30]).toContain(lastDay(stdout) as number)
  })

  test("prints as many as wanted, for as long as wanted, for people or programs", async () => {
    const words = ["invite", "--secrets", secretsFile, "--count", "3", "--days", "7"]
    const lines = (await cinder(words)).stdout.trim().split("\n")
    const { stdout, stderr } = await cinder([...words, "--json"])
    expect(stderr).toBe("")
    const { invitations, goodThrough } = JSON.parse(stdout) as Record<string, string[]>
    for (const codes of [lines, invitations ?? []]) {
      expect(codes.length).toBe(3)
      expect(new Set(codes).size).toBe(3)
      for (const code of codes) expect([today() + 6, today() + 7]).toContain(lastDay(code) as number)
    }
    expect(Date.parse(`${goodThrough}`) / 86_400_000).toBe(lastDay(lines[0] as string) as number)
  })

  test("finds the secrets file by the environment as well", async () => {
    const { code, stdout } = await cinder(["invite"], { CINDER_SECRETS: secretsFile })
    expect(code).toBe(0)
    expect(lastDay(stdout)).toBeDefined()
  })

  test("refuses what it cannot use, with a sentence", async () => {
    const refusals = [
      [[], "needs the server's secrets file"],
      [["--secrets", "/nowhere/at/all"], "cannot be read (ENOENT)"],
      [["--secrets", secretsFile, "--count", "0"], "count must be a whole number from 1 to"],
      [["--secrets", secretsFile, "--count", "1e3"], "count must be a whole number from 1 to"],
      [["--secrets", secretsFile, "--days", "-1"], "days must be a whole number from 1 to 365"],
      [["--secrets", secretsFile, "--days", "366"], "days must be a whole number from 1 to 365"],
      [["--secrets", secretsFile, "--month", "1"], "does not know what --month is"],
      [["--secrets", secretsFile, "everybody"], "does not know what everybody is"],
    ] as const
    for (const [words, sentence] of refusals) {
      const { code, stdout, stderr } = await cinder(["invite", ...words])
      expect([code, stdout]).toEqual([1, ""])
      expect(stderr).toMatch(/^cinder: .+\n$/)
      expect(stderr).toContain(sentence)
    }
    chmodSync(secretsFile, 0o644)
    expect((await cinder(["invite", "--secrets", secretsFile])).stderr).toContain("can be read by others")
    chmodSync(secretsFile, 0o600)
  })
})
