#!/usr/bin/env bun
import {
  type CommandDef,
  type CommandMeta,
  defineCommand,
  renderUsage,
  runCommand,
  type SubCommandsDef,
} from "citty"
import { version } from "../package.json"
import { auditCommand } from "./cli/audit.ts"
import { backup } from "./cli/backup.ts"
import { doctor } from "./cli/doctor.ts"
import { exitOnFault, explain } from "./cli/explain.ts"
import { init } from "./cli/init.ts"
import { invite } from "./cli/invite.ts"
import { keys } from "./cli/keys.ts"
import { restore } from "./cli/restore.ts"
import { secrets } from "./cli/secrets.ts"
import { serve } from "./cli/serve.ts"
import { stats } from "./cli/stats.ts"
import { withSwitches } from "./cli/switches.ts"
import { users } from "./cli/users.ts"
import { describeFault } from "./http/failure.ts"

const main: CommandDef = defineCommand({
  meta: {
    name: "cinder",
    version,
    description:
      "A homeserver for end-to-end encrypted group messaging. Begin with cinder init, or try: cinder serve --data ./data --domain localhost --port 0",
  },
  subCommands: {
    init,
    serve,
    doctor,
    stats,
    backup,
    restore,
    users,
    invite,
    keys,
    secrets,
    audit: auditCommand,
  } as SubCommandsDef,
})

interface Found {
  readonly command: CommandDef
  /** What follows its names. */
  readonly rest: readonly string[]
}

/** The command that the words name: the last one in a row of names. */
function find(words: readonly string[], command: CommandDef = main): Found {
  const [first = "", ...rest] = words
  const commands = (command.subCommands ?? {}) as Readonly<Record<string, CommandDef>>
  const next = Object.hasOwn(commands, first) ? commands[first] : undefined
  return next === undefined ? { command, rest: words } : find(rest, next)
}

/** Of each command the first sentence: its own help says the rest. */
function withBriefCommands(group: CommandDef): CommandDef {
  const commands = Object.entries((group.subCommands ?? {}) as Readonly<Record<string, CommandDef>>)
  const brief = commands.map(([name, command]) => {
    const { description = "", ...meta } = command.meta as CommandMeta
    return [name, { ...command, meta: { ...meta, description: /^.*?\.(?= |$)/.exec(description)?.[0] } }]
  })
  return { ...group, subCommands: Object.fromEntries(brief) }
}

/** Colour is for terminals. */
function plain(text: string): string {
  return process.stdout.isTTY ? text : Bun.stripANSI(text)
}

async function run(words: string[]): Promise<void> {
  const { command, rest } = find(words)
  const isGroup = command.subCommands !== undefined && rest.length === 0
  if (words.includes("--version")) console.log(version)
  else if (isGroup || words.includes("--help") || words.includes("-h"))
    console.log(plain(await renderUsage(withBriefCommands(command))))
  else await runCommand(main, { rawArgs: withSwitches(words) })
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
