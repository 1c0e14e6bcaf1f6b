import { describe, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type MemberLog, type Received, tally } from "../../src/demo/tally.ts"

const MAIN = join(import.meta.dir, "../../src/demo/main.ts")

async function demo(...words: string[]) {
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, FORCE_COLOR: undefined },
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { stdout, stderr, code }
}

async function inScratch(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cinder-e2e-demo-"))
  try {
    await work(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe("the demo, as its user runs it", () => {
  test(
    "balances its books, prints them as one line of JSON and nothing else, and keeps the server's files",
    () =>
      inScratch(async (directory) => {
        const [members, messages] = [3, 10]
        const { stdout, stderr, code } = await demo(
          ...["--json", "--keep", directory, "--members", `${members}`, "--messages", `${messages}`],
        )
        expect([code, stderr]).toEqual([0, ""])
        expect(stdout).toMatch(/^\{[^\n]*\}\n$/)
        const afterwards = Math.ceil(messages / 4)
        const deliveries = members * messages * (members - 1) + (members - 1) * afterwards * (members - 2)
        expect(JSON.parse(stdout)).toEqual({
          members,
          sent: members * messages + (members - 1) * afterwards,
          expected_deliveries: deliveries,
          delivered: deliveries,
          lost: 0,
          duplicated: 0,
          out_of_order: 0,
          read_after_removal: 0,
          restarts: 1,
        })
        expect(readdirSync(directory).sort()).toEqual(["data", "data.secrets", "data.secrets.day"])
        expect(readdirSync(join(directory, "data")).sort()).toEqual(["as.sqlite", "delivery.sqlite"])
      }),
    60_000,
  )

  test("tells a story in plain text where there is no terminal, and of every table at the end", async () => {
    const { stdout, stderr, code } = await demo("--members", "2", "--messages", "4")
    expect([code, stderr]).toEqual([0, ""])
    expect(stdout).not.toContain("\u001b")
    expect(stdout).toContain("Ada registers as ")
    expect(stdout).toContain("SIGKILL after ")
    expect(stdout).toContain("Ada removes Ben")
    expect(stdout).toContain("0 lost, 0 doubled, 0 out of order, 0 read after removal")
    expect(stdout).toContain("Every member got every message of its time, once and in order.")
    for (const table of [
      "as_client",
      "as_queue",
      "ds_group",
      "ds_head",
      "ds_tree",
      "qs_client",
      "qs_queue",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ +${table} +\\d+ rows`, "m"))
    }
  }, 60_000)

  test("explains its options, in plain text where there is no terminal", async () => {
    const { stdout, stderr, code } = await demo("--help")
    expect([code, stderr]).toEqual([0, ""])
    expect(stdout).not.toContain("\u001b")
    for (const option of ["members", "messages", "keep", "server", "json"]) {
      expect(stdout).toContain(`--${option}`)
    }
  })

  const mistakes: readonly (readonly [mistake: string, words: readonly string[], sentence: string])[] = [
    ["too few members", ["--members", "1"], "--members is a whole number from 2 to 64"],
    ["too many members", ["--members", "65"], "--members is a whole number from 2 to 64"],
    ["members that are no number", ["--members", "three"], "--members is a whole number from 2 to 64"],
    ["members without a number", ["--members"], "--members is a whole number from 2 to 64"],
    ["too few messages", ["--messages", "1"], "--messages is a whole number from 2 to 10000"],
    ["half a message", ["--messages", "2.5"], "--messages is a whole number from 2 to 10000"],
    ["a misspelt option", ["--mesages", "5"], "--mesages is not an option"],
    ["a word that belongs to no option", ["5"], '"5" belongs to no option'],
    ["a server that is not there", ["--server", "/nonexistent/cinder"], "/nonexistent/cinder"],
  ]
  test.each(mistakes)("refuses %s with a sentence", async (_, words, sentence) => {
    const { stdout, stderr, code } = await demo("--json", ...words)
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(/^The demo failed: [^\n]+\n$/)
    expect(stderr).toContain(sentence)
  })

  test("refuses to keep its files where there is a file", () =>
    inScratch(async (directory) => {
      const file = join(directory, "file")
      writeFileSync(file, "")
      const { stdout, stderr, code } = await demo("--json", "--keep", file)
      expect([code, stdout]).toEqual([1, ""])
      expect(stderr).toMatch(/^The demo failed: [^\n]+\n$/)
    }))
})

/** `a1 a2 b1`: messages by sender and number. */
function messages(text: string): Received[] {
  return text.split(" ").flatMap((word) => {
    return word === "" ? [] : [{ from: word.charAt(0), number: Number(word.slice(1)) }]
  })
}

function member(name: string, received: string, expected = received): MemberLog {
  return { name, received: messages(received), expected: messages(expected) }
}

describe("the demo's books", () => {
  const balanced = { lost: 0, duplicated: 0, out_of_order: 0, unexpected: 0 }

  test("balance when everybody got everything, whatever the order of the expectation", () => {
    const books = tally([
      member("a", "b1 c1 b2 c2", "b1 b2 c1 c2"),
      member("b", "c1 a1 c2"),
      member("c", "b1 a1 b2"),
    ])
    expect(books).toEqual({ expected_deliveries: 10, delivered: 10, ...balanced })
  })

  const faults: readonly (readonly [
    fault: string,
    logs: MemberLog[],
    counts: Partial<ReturnType<typeof tally>>,
  ])[] = [
    ["a lost message", [member("a", "b1", "b1 b2")], { lost: 1, delivered: 1, expected_deliveries: 2 }],
    [
      "a member that got nothing",
      [member("a", "", "b1 b2")],
      { lost: 2, delivered: 0, expected_deliveries: 2 },
    ],
    ["a doubled message", [member("a", "b1 b1 b2", "b1 b2")], { duplicated: 1, delivered: 2 }],
    [
      "a doubled message that comes late",
      [member("a", "b1 b2 b1", "b1 b2")],
      { duplicated: 1, out_of_order: 1 },
    ],
    ["a sender's messages out of order", [member("a", "b2 b1", "b1 b2")], { out_of_order: 1, delivered: 2 }],
    [
      "two members that disagree",
      [member("a", "c1 d1"), member("b", "d1 c1")],
      { out_of_order: 1, delivered: 4 },
    ],
    ["a message that was not for the member", [member("a", "b1 b2", "b1")], { unexpected: 1, delivered: 1 }],
    ["an unexpected message, twice", [member("a", "b1 b2 b2", "b1")], { unexpected: 1, duplicated: 1 }],
  ]
  test.each(faults)("show %s", (_, logs, counts) => {
    expect(tally(logs)).toMatchObject({ ...balanced, ...counts })
  })
})
