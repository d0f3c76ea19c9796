/** The whole page: head, the chosen view, what is said aloud; and the keys that work everywhere. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { close, goTo, openFile, step, togglePlaying, toggleTheme } from "../state/app.ts";
import * as store from "../state/store.ts";
import { Button } from "../ui/controls.tsx";
import { Icon } from "../ui/icons.tsx";
import { FilmView } from "./film-view.tsx";
import { LiveView } from "./live.tsx";
import { PlaygroundView } from "./playground.tsx";
import { StartView } from "./start.tsx";

const TITLES: Record<store.ViewName, string> = {
  map: "Map",
  tower: "Tower",
  tables: "Tables",
  compare: "Compare",
  playground: "Playground",
  live: "Live",
};

/** Events that shift moves by. */
const LEAP = 1000;

/** The page. */
export function App(): JSX.Element {
  const [isDragging, setDragging] = useState(false);
  const help = useRef<HTMLDialogElement>(null);
  useKeys(() => help.current?.showModal());
  useDrop(setDragging);
  const view = store.view.value;
  const hasSource = store.sourceName.value !== null;
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header>
        <button type="button" class="brand" onClick={close} title="Start page">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path class="b0" d="M1 1h14v4H1z" />
            <path class="b1" d="M1 6h6v4H1z" />
            <path class="b2" d="M1 11h3v4H1z" />
          </svg>
          kmem
        </button>
        <nav aria-label="Views">
          {store.VIEWS.map((name, index) => {
            const needsFilm = name !== "playground" && name !== "live";
            return (
              <button
                key={name}
                type="button"
                class="tab"
                aria-current={view === name && (hasSource || !needsFilm) ? "page" : undefined}
                aria-keyshortcuts={String(index + 1)}
                disabled={needsFilm && !hasSource}
                onClick={() => (store.view.value = name)}
              >
                {TITLES[name]}
              </button>
            );
          })}
        </nav>
        <span class="source">{store.sourceName.value}</span>
        <Progress />
        <Button label="Keys" onClick={() => help.current?.showModal()}>
          ?
        </Button>
        <Button label={store.theme.value === "dark" ? "Light colours" : "Dark colours"} onClick={toggleTheme}>
          <Icon name={store.theme.value === "dark" ? "sun" : "moon"} />
        </Button>
      </header>
      <Failure />
      <main id="main" tabIndex={-1}>
        {view === "playground" ? (
          <PlaygroundView />
        ) : view === "live" ? (
          <LiveView />
        ) : hasSource ? (
          <FilmView />
        ) : (
          <StartView />
        )}
      </main>
      <div class="visually-hidden" role="status" aria-live="polite">
        {store.announcement.value}
      </div>
      {isDragging && (
        <div class="drop-veil" aria-hidden="true">
          Drop it to open it
        </div>
      )}
      <HelpDialog dialog={help} />
    </>
  );
}

function Progress(): JSX.Element | null {
  const progress = store.progress.value;
  if (progress === null || store.takes.value.length === 0) return null;
  return (
    <span class="shooting">
      replaying{" "}
      <progress
        max={1}
        {...(progress.share === null ? {} : { value: progress.share })}
        aria-label="Replaying"
      />
    </span>
  );
}

function Failure(): JSX.Element | null {
  if (store.failure.value === null) return null;
  return (
    <div class="failure" role="alert">
      <p>{store.failure.value}</p>
      <Button label="Close the message" onClick={() => (store.failure.value = null)}>
        <Icon name="close" />
      </Button>
    </div>
  );
}

const KEYS: readonly (readonly [string, string])[] = [
  ["space", "play, pause"],
  [", .", "one event back, on"],
  ["< >", "a thousand events back, on"],
  ["Home End", "to the start, to the end"],
  ["1 … 6", "map, tower, tables, compare, playground, live"],
  ["+ − 0", "on the map: zoom in, out, all of it"],
  ["arrow keys", "on the map: move; in the tower: walk through the blocks"],
  ["Enter", "on the map: mark what is in the middle"],
  ["Esc", "unmark"],
  ["t", "light or dark"],
  ["?", "this list"],
];

function HelpDialog({ dialog }: { readonly dialog: { current: HTMLDialogElement | null } }): JSX.Element {
  return (
    <dialog ref={dialog} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([keys, text]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="button primary">
          Close
        </button>
      </form>
    </dialog>
  );
}

/** Keys that work wherever no control wants them. */
function useKeys(showHelp: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      const wantsKeys =
        target.closest("input:not([type=range]):not([type=checkbox]), select, textarea, dialog") !== null;
      if (wantsKeys || event.ctrlKey || event.metaKey || event.altKey) return;
      const isButton = target.closest("button, a") !== null;
      const isRange = target instanceof HTMLInputElement && target.type === "range";
      if (isButton && (event.key === " " || event.key === "Enter")) return;
      if (isRange && (event.key === "Home" || event.key === "End")) return;
      const action = keyAction(event.key, showHelp);
      if (action === null) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function keyAction(key: string, showHelp: () => void): (() => void) | null {
  const number = Number(key);
  if (number >= 1 && number <= store.VIEWS.length) return () => showView(store.VIEWS[number - 1]!);
  const general: Record<string, () => void> = {
    t: toggleTheme,
    "?": showHelp,
    Escape: () => {
      store.selection.value = null;
      store.failure.value = null;
    },
  };
  const onFilm: Record<string, () => void> = {
    " ": togglePlaying,
    ",": () => step(-1),
    ".": () => step(1),
    "<": () => step(-LEAP),
    ">": () => step(LEAP),
    Home: () => goTo(0),
    End: () => goTo(store.take.peek()?.position ?? 0),
  };
  const hasFilm =
    store.take.peek() !== null && store.view.peek() !== "playground" && store.view.peek() !== "live";
  return general[key] ?? (hasFilm ? (onFilm[key] ?? null) : null);
}

function showView(name: store.ViewName): void {
  const needsFilm = name !== "playground" && name !== "live";
  if (needsFilm && store.sourceName.peek() === null) return;
  store.view.value = name;
}

/** Files may be dropped anywhere on the page. */
function useDrop(setDragging: (isDragging: boolean) => void): void {
  useEffect(() => {
    const onOver = (event: DragEvent): void => {
      event.preventDefault();
      setDragging(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setDragging(false);
    };
    const onDrop = (event: DragEvent): void => {
      event.preventDefault();
      setDragging(false);
      const file = event.dataTransfer?.files[0];
      if (file === undefined) store.failure.value = "What was dropped is no file.";
      else void openFile(file);
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
}
