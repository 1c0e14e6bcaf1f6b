import { afterAll, describe, expect, test } from "bun:test"
import { commandsOf, commandsUnder, documents, isRunByCi, scriptOf } from "./lines.ts"
import { Machine } from "./machine.ts"

/** What is executed neither here nor by CI, and why. */
const exceptions: Readonly<Record<string, string>> = {
  "bash .ci/run": "is what runs this",
  "systemctl enable --now cinder": "takes systemd: test/systemd.ts runs it there",
}

const stories = documents
  .map((document) => ({ document, commands: commandsOf(document) }))
  .filter(({ commands }) => commands.length > 0)

/**
 * Which of a document's machines a command is for: the one with the package, one whose server has its settings from flags
 * instead of `init`, or the one that the document is about.
 */
function machineOf(command: string): string {
  if (command.includes("/etc/cinder/")) return "with the package"
  return /serve .*--data /.test(command) ? "without init" : "its own"
}

/** The words after `cinder`, if it is a command of the program, perhaps by a script. */
function wordsOf(command: string): string[] | undefined {
  const [, script, more = ""] = /^npm run (\S+) -- (.*)$/.exec(command) ?? []
  const whole = script === undefined ? command : `${scriptOf(script)} ${more}`
  return /^(?:(?:dist\/)?cinder|bun src\/main\.ts) (.*)$/.exec(whole)?.[1]?.split(/\s+/)
}

async function execute(machine: Machine, command: string): Promise<void> {
  const words = wordsOf(command)
  const [, from, to] = /^cp -a (\S+) (\S+)$/.exec(command) ?? []
  if (words !== undefined) await machine.run(words)
  else if (from !== undefined && to !== undefined) machine.copy(from, to)
  else expect([command, isRunByCi(command)]).toEqual([command, true])
}

for (const { document, commands } of stories) {
  describe(`${document}, from its beginning to its end: each command does what it should, here or in CI`, () => {
    const machines = new Map<string, Machine>()
    afterAll(async () => {
      for (const machine of machines.values()) await machine[Symbol.asyncDispose]()
    })

    /** A document that makes no server goes on with one that was made as another says. */
    async function machineFor(command: string): Promise<Machine> {
      const name = machineOf(command)
      const known = machines.get(name)
      if (known !== undefined) return known
      const machine = new Machine()
      machines.set(name, machine)
      if (name === "its own" && !commands.some((one) => one.includes("cinder init"))) await machine.setUp()
      return machine
    }

    for (const command of commands.filter((one) => exceptions[one] === undefined))
      test(command, async () => {
        await execute(await machineFor(command), command)
      })
  })
}

test("no exception is made for a command that no document has", () => {
  const all = stories.flatMap(({ commands }) => commands)
  expect(Object.keys(exceptions).filter((command) => !all.includes(command))).toEqual([])
  expect(all.length).toBeGreaterThan(25)
})

const OPERATING = "docs/operating.md"
const SECRETS = ["--secrets", "/var/lib/cinder.secrets"]

/** Runs what is written, with what stands for a name put in. */
async function say(machine: Machine, command: string, names: Readonly<Record<string, string>> = {}) {
  const words = command.split(" ").slice(1)
  return await machine.run(words.map((word) => names[word] ?? word))
}

describe("the story of the keys, as it is told in running text", () => {
  test("begins with an offline root, whose fingerprint the server shows at the end", async () => {
    await using machine = new Machine()
    const commands = commandsUnder(OPERATING, "The root offline from the first day")
    expect(commands.map((command) => command.split(" ")[2])).toEqual(["root", "request", "sign", "install"])
    const said: string[] = []
    for (const command of commands) said.push(await say(machine, command))
    const fingerprint = /fingerprint +([0-9a-f]{4}(?: [0-9a-f]{4}){15})\n/.exec(said[0] ?? "")?.[1]
    expect(fingerprint).toBeDefined()
    expect(said[3]).toContain(fingerprint as string)
    await machine.run(["serve", "--data", "/var/lib/cinder", "--domain", "example.org"])
    await machine.reload()
  })

  test("goes on at a server that runs, from the root that is taken away to a new intermediate", async () => {
    await using machine = new Machine()
    await machine.setUp()
    await machine.run(["serve", "--config", "/etc/cinder.toml"])
    const [exported = ""] = commandsUnder(OPERATING, "A server that runs already")
    await say(machine, exported)
    await machine.reload()
    const [, request = "", sign = "", install = ""] = commandsUnder(
      OPERATING,
      "The root offline from the first day",
    )
    await say(machine, request.replace(" --domain example.org", ""))
    await say(machine, sign, { "example.root": "/media/usb/example.root" })
    await say(machine, install)
    await machine.reload()
  })

  test("ends with what was stolen: a device, the secrets, the root", async () => {
    await using machine = new Machine()
    await machine.setUp()
    await machine.run(["serve", "--config", "/etc/cinder.toml"])
    const file = { FILE: "/var/lib/cinder.secrets" }
    const { intermediates } = JSON.parse(await machine.run(["keys", "show", ...SECRETS, "--json"])) as {
      intermediates: { fingerprint: string }[]
    }
    await machine.run(["keys", "root", "--domain", "example.org", "--out", "old.root"])
    const names = {
      ...file,
      FINGERPRINT: intermediates[0]?.fingerprint ?? "",
      OLD: "old.root",
      NEW: "new.root",
    }
    const commands = commandsUnder(OPERATING, "Something was stolen").filter((one) =>
      one.startsWith("cinder keys"),
    )
    expect(commands.length).toBe(5)
    for (const command of commands) {
      const isShort = /^cinder keys rotate/.test(command)
      await say(machine, isShort ? `${command} ${SECRETS.join(" ")}` : command, names)
      await machine.reload()
    }
  })
})
