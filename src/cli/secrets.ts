import { defineCommand } from "citty"
import { retire } from "./secrets/retire.ts"
import { rotate } from "./secrets/rotate.ts"

export const secrets = defineCommand({
  meta: {
    name: "cinder secrets",
    description:
      "Replaces the server's own secrets, those that no user sees. Keys that have sealed something are kept beside the new one, so that no message is lost, until you retire them. What users trust is looked after by cinder keys.",
  },
  subCommands: { rotate, retire },
})
