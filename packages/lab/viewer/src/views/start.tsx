/** The start page: what this is, and what can be opened. */
import type { JSX } from "preact";
import { open, openFile, openUrl } from "../state/app.ts";
import * as store from "../state/store.ts";
import { INVENTED } from "../worker/invented.ts";
import { PRESETS } from "../playground/presets.ts";
import { setProgram } from "./playground.tsx";

/** A recording that lies beside the page. */
const BUNDLED_TRACE = "small-project.parquet";

/** The page. */
export function StartView(): JSX.Element {
  return (
    <div class="start">
      <h1>Pages, slabs and fragmentation, drawn from what really happened</h1>
      <p class="lead">
        The viewer replays a recording through kmem's allocators, here in your browser, and shows every page
        at every moment. Nothing leaves this machine.
      </p>
      <label class="drop">
        <input
          type="file"
          class="visually-hidden"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) void openFile(file);
          }}
        />
        <span class="drop-title">Drop a recording here, or choose a file</span>
        <span class="hint">
          a Parquet trace of kmem, ftrace text with kmem events (plain or gzipped), or a heap's snapshot as
          JSON
        </span>
      </label>
      <h2>Or begin with</h2>
      <ul class="cards">
        <Card
          title="A real Linux kernel"
          text="0.6 seconds of a small C project being compiled: 104,199 object and 48,179 page events."
          onClick={() => void openUrl(BUNDLED_TRACE, "A small C project is compiled")}
        />
        {Object.entries(INVENTED).map(([name, { title, operationCount, size, pageSize }]) => (
          <Card
            key={name}
            title={title}
            text={`${operationCount.toLocaleString("en")} invented events on ${(size / pageSize).toLocaleString("en")} pages.`}
            onClick={() => void open({ kind: "invented", name })}
          />
        ))}
        {PRESETS.map(({ name, title, text, program }) => (
          <Card
            key={name}
            title={title}
            text={text}
            onClick={() => {
              setProgram(program);
              store.view.value = "playground";
            }}
          />
        ))}
      </ul>
    </div>
  );
}

function Card(props: {
  readonly title: string;
  readonly text: string;
  readonly onClick: () => void;
}): JSX.Element {
  return (
    <li>
      <button type="button" class="card" onClick={props.onClick}>
        <strong>{props.title}</strong>
        <span>{props.text}</span>
      </button>
    </li>
  );
}
