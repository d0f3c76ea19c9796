/** Stored documents: `bench/results/DATE.json`. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DOCUMENT_VERSION, type BenchmarkDocument } from "../harness/document.ts";

const RESULTS_PATH = fileURLToPath(new URL("../../results", import.meta.url));

/** Writes the document under its date; a second run of the same day replaces the first. Returns the path. */
export function storeDocument(document: BenchmarkDocument): string {
  mkdirSync(RESULTS_PATH, { recursive: true });
  const path = join(RESULTS_PATH, `${document.date.slice(0, 10)}.json`);
  writeFileSync(path, `${JSON.stringify(document, undefined, 2)}\n`);
  return path;
}

/** @returns the path of the newest stored document, or undefined when there is none */
export function newestStoredPath(): string | undefined {
  mkdirSync(RESULTS_PATH, { recursive: true });
  const name = readdirSync(RESULTS_PATH)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .at(-1);
  return name === undefined ? undefined : join(RESULTS_PATH, name);
}

/** @returns a stored document; throws an Error when the file is of another version */
export function readDocument(path: string): BenchmarkDocument {
  const document = JSON.parse(readFileSync(path, "utf8")) as BenchmarkDocument;
  if (document.documentVersion !== DOCUMENT_VERSION) {
    throw new Error(
      `${path} has documentVersion ${document.documentVersion}; this program reads ${DOCUMENT_VERSION}`,
    );
  }
  return document;
}
