import { bundlePage } from "./bundle.ts" with { type: "macro" }

/** The page, as it was when this was built. */
export const page = bundlePage()
