/** The plots of a document as files. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchmarkDocument } from "../harness/document.ts";
import { comparesMemory, plotName } from "./markdown.ts";
import { groupsOf } from "./matrix.ts";
import { plotMemory, plotTimes } from "./plot.ts";

/** Writes an SVG file or two for each group into `folder`, which is made where it is missing. Returns their paths. */
export function writePlots(document: BenchmarkDocument, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  return groupsOf(document).flatMap((group) => {
    const pictures = [{ name: plotName(group, "times"), svg: plotTimes(document, group) }];
    if (comparesMemory(document, group)) {
      pictures.push({ name: plotName(group, "memory"), svg: plotMemory(document, group) });
    }
    return pictures.map(({ name, svg }) => {
      const path = join(folder, name);
      writeFileSync(path, `${svg}\n`);
      return path;
    });
  });
}
