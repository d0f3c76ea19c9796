// Builds the viewer: the site, and the script of self-contained reports, from one source.

import { fileURLToPath } from "node:url";
import { build } from "vite";

const configFile = fileURLToPath(new URL("../packages/lab/viewer/vite.config.ts", import.meta.url));

for (const mode of ["production", "report"]) await build({ configFile, mode });
