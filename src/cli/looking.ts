import type { ArgsDef, CommandDef } from "citty"
import { explain } from "./explain.ts"

const COULD_NOT_LOOK = 2

/** For commands that end with 1 if they found something: whatever kept them from looking is another thing, and ends with 2. */
export function orCouldNotLook<T extends ArgsDef>(command: CommandDef<T>): CommandDef<T> {
  return {
    ...command,
    async run(context) {
      try {
        await command.run?.(context)
      } catch (error) {
        console.error(explain(error))
        process.exitCode = COULD_NOT_LOOK
      }
    },
  }
}
