import { defineCommand } from "citty"
import { exportRoot } from "./keys/export-root.ts"
import { install } from "./keys/install.ts"
import { request } from "./keys/request.ts"
import { revoke } from "./keys/revoke.ts"
import { root } from "./keys/root.ts"
import { rotate } from "./keys/rotate.ts"
import { show } from "./keys/show.ts"
import { sign } from "./keys/sign.ts"

export const keys = defineCommand({
  meta: {
    name: "cinder keys",
    description:
      "Looks after the keys that a domain's users trust. By itself the server keeps root and intermediate in its secrets and renews the intermediate. To keep the root offline: root, then request, sign and install about once a year; or export-root for a server that runs already.",
  },
  subCommands: { root, request, sign, install, "export-root": exportRoot, rotate, revoke, show },
})
