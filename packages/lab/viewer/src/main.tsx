/** Begins the page: look, hash, a recording that it carries or was given, and the first view. */
import { effect } from "@preact/signals";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { offerHook } from "./hook.ts";
import { programFromHash } from "./playground/program.ts";
import { carriedTrace } from "./state/carried-trace.ts";
import { initialTheme, open, openUrl } from "./state/app.ts";
import * as store from "./state/store.ts";
import { App } from "./views/app.tsx";
import { setProgram } from "./views/playground.tsx";

store.theme.value = initialTheme();
effect(() => {
  document.documentElement.dataset["theme"] = store.theme.value;
});

function followHash(): void {
  try {
    const program = programFromHash(location.hash);
    if (program === null) return;
    setProgram(program);
    store.view.value = "playground";
  } catch (error) {
    store.failure.value = `The link is no program: ${(error as Error).message}`;
  }
}

followHash();
addEventListener("hashchange", followHash);
offerHook();
render(<App />, document.getElementById("app")!);

const fields = new URLSearchParams(location.hash.replace(/^#/, ""));
const url = fields.get("open");
if (fields.get("view") === "live") store.view.value = "live";
const carried = carriedTrace();
if (carried !== null) void open(carried);
else if (url !== null) void openUrl(url, fields.get("name") ?? url);
