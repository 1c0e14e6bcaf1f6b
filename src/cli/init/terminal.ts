import { isCancel, select, text } from "@clack/prompts"
import { ConfigError } from "../../config/config.ts"
import type { Questioner } from "./answers.ts"

/** Questions go where messages go: the output is for what the command has to say in the end. */
const output = process.stderr

export const terminal: Questioner = {
  async text(message, suggestion, mistake) {
    const validate = (answer: string | undefined) => mistake(answer ?? "")
    return answered(await text({ message, initialValue: suggestion, validate, output }))
  },
  async choice(message, choices) {
    return answered(await select({ message, options: choices.map((choice) => ({ ...choice })), output }))
  },
}

/** Whether somebody is there to be asked. */
export function isAttended(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

function answered(answer: string | symbol): string {
  if (isCancel(answer)) throw new ConfigError("stopped: nothing was made")
  return answer as string
}
