#!/usr/bin/env bun
import { defineCommand, renderUsage, runCommand } from "citty"
import { version } from "../package.json"
import { exitOnFault, explain } from "./cli/explain.ts"
import { invite } from "./cli/invite.ts"
import { serve } from "./cli/serve.ts"
import { describeFault } from "./http/failure.ts"

const commands = { serve, invite } as const

const usages: Readonly<Record<keyof typeof commands, () => Promise<string>>> = {
  serve: () => renderUsage(serve),
  invite: () => renderUsage(invite),
}

const main = defineCommand({
  meta: {
    name: "cinder",
    version,
    description:
      "A homeserver for end-to-end encrypted group messaging. Try: cinder serve --data ./data --domain localhost --port 0",
  },
  subCommands: commands,
})

function isCommand(word: string | undefined): word is keyof typeof commands {
  return word !== undefined && Object.hasOwn(commands, word)
}

/** Colour is for terminals. */
function plain(text: string): string {
  return process.stdout.isTTY ? text : Bun.stripANSI(text)
}

async function run(words: string[]): Promise<void> {
  const [first] = words
  const usage = () => (isCommand(first) ? usages[first]() : renderUsage(main))
  if (words.includes("--version")) console.log(version)
  else if (words.length === 0 || words.includes("--help") || words.includes("-h"))
    console.log(plain(await usage()))
  else await runCommand(main, { rawArgs: words })
}

// What Bun prints of an error by itself holds its message and properties.
process.on("unhandledRejection", (error) => console.error(describeFault(error)))
process.on("uncaughtException", exitOnFault)

try {
  await run(process.argv.slice(2))
} catch (error) {
  console.error(explain(error))
  process.exit(1)
}
