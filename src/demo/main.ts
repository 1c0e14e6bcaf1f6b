import { defineCommand, renderUsage, runMain } from "citty"
import { type DemoResult, direct } from "./director.ts"
import { Story } from "./story.ts"

/** `npm run demo`: three people on a fresh homeserver, as processes of their own. */

const MEMBERS_MAX = 64
const MESSAGES_MAX = 10_000

function wholeNumber(text: string, name: string, min: number, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`--${name} is a whole number from ${min} to ${max}`)
  }
  return value
}

/** A misspelt option must not run the demo with the default of what was meant. */
function refuseUnknown(given: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(given).find((name) => name !== "_" && !Object.hasOwn(options, name))
  if (unknown !== undefined) throw new Error(`--${unknown} is not an option; --help lists them`)
  const { _: words } = given
  if (Array.isArray(words) && words.length > 0) throw new Error(`"${words[0]}" belongs to no option`)
}

function holds(result: DemoResult): boolean {
  const wrong = result.lost + result.duplicated + result.out_of_order + result.read_after_removal
  return wrong === 0 && result.delivered === result.expected_deliveries && result.restarts > 0
}

const options = {
  members: { type: "string", default: "3", description: `how many people, 2 to ${MEMBERS_MAX}` },
  messages: { type: "string", default: "20", description: "how many messages each of them sends" },
  keep: { type: "string", description: "leave the server's data and secrets in this directory" },
  server: { type: "string", description: "a built executable to run as the server, instead of the source" },
  json: { type: "boolean", default: false, description: "print one line with the books and nothing else" },
} as const

const demo = defineCommand({
  meta: {
    name: "demo",
    description:
      "Starts a server and its members as processes of their own: they register, connect, talk while the server is killed, and remove one.",
  },
  args: options,
  async run({ args }) {
    const story = new Story(args.json)
    try {
      refuseUnknown(args)
      const result = await direct(
        {
          members: wholeNumber(args.members, "members", 2, MEMBERS_MAX),
          messages: wholeNumber(args.messages, "messages", 2, MESSAGES_MAX),
          keep: args.keep,
          server: args.server,
        },
        story,
      )
      if (args.json) console.log(JSON.stringify(result))
      else if (holds(result)) story.good("\nEvery member got every message of its time, once and in order.")
      else story.trouble("\nThe books do not balance.")
      process.exitCode = holds(result) ? 0 : 1
    } catch (error) {
      console.error(`The demo failed: ${error instanceof Error ? error.message : "unknown error"}`)
      process.exitCode = 1
    }
  },
})

/** Colour is for terminals. */
async function help(): Promise<string> {
  const text = await renderUsage(demo)
  return process.stdout.isTTY ? text : Bun.stripANSI(text)
}

if (process.argv.some((word) => word === "--help" || word === "-h")) console.log(await help())
else await runMain(demo)
