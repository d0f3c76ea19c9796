/** The playground: a small space of pages or a heap, in which each step is drawn and told in a sentence. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { PALETTES } from "../draw/palette.ts";
import { perform } from "../playground/perform.ts";
import { PRESETS } from "../playground/presets.ts";
import {
  checkSpace,
  MAX_STEPS,
  parseStep,
  type Program,
  programToHash,
  type Space,
} from "../playground/program.ts";
import * as store from "../state/store.ts";
import { Button, Choice, Segments } from "../ui/controls.tsx";
import { bytes, count } from "../ui/format.ts";
import { Icon } from "../ui/icons.tsx";
import { Tower } from "../ui/tower-svg.tsx";

/** The program that is played, and the step that is shown: 0 is the empty space. */
const program = signal<Program>(PRESETS[0]!.program);
const stepNumber = signal(PRESETS[0]!.program.steps.length);

/** Begins another program, at its end or its beginning. */
export function setProgram(next: Program, step: number = next.steps.length): void {
  program.value = next;
  stepNumber.value = step;
}

const PAGE_COUNTS = [8, 16, 32, 64, 128, 256, 512].map((pages) => [pages, `${pages} pages`] as const);
const PAGE_SIZES = [256, 1024, 4096, 16_384].map((size) => [size, bytes(size)] as const);

/** The whole page. */
export function PlaygroundView(): JSX.Element {
  const played = useMemo(() => perform(program.value), [program.value]);
  const at = Math.min(stepNumber.value, played.length - 1);
  const shown = played[at]!;
  const palette = PALETTES[store.theme.value];
  const colors = useMemo(() => ownerColors(played.map(({ picture }) => picture.owners)), [played]);
  const colorOf = (owner: number): string => {
    const rank = colors.get(shown.picture.owners[owner]!) ?? 0;
    return palette.ranked[rank % palette.ranked.length]!;
  };
  const preset = PRESETS.find((each) => each.program.steps.join(";") === program.value.steps.join(";"));
  return (
    <div class="playground">
      <div class="playground-bar">
        <Choice
          label="Preset"
          value={preset?.name ?? ""}
          options={[
            ...(preset === undefined ? [["", "your own"] as const] : []),
            ...PRESETS.map(({ name, title }) => [name, title] as const),
          ]}
          onChange={(name) => {
            const chosen = PRESETS.find((each) => each.name === name);
            if (chosen !== undefined) setProgram(chosen.program);
          }}
        />
        <SpaceControls />
        <Share />
      </div>
      {preset !== undefined && <p class="preset-text">{preset.text}</p>}
      <div class="playground-main">
        <Tower
          picture={shown.picture.tower}
          nameOf={(owner) => shown.picture.owners[owner] ?? "free"}
          colorOf={colorOf}
          label={`Tower after step ${at}`}
        />
        <Steps played={played} at={at} />
      </div>
      <p class={shown.failed ? "sentence failed" : "sentence"} role="status">
        <strong>{at === 0 ? "Start" : `${at}. ${shown.text}`}</strong> {shown.sentence}
      </p>
      {shown.picture.slabs.length > 0 && (
        <SlabStrips
          slabs={shown.picture.slabs}
          colorOf={(cache) => palette.ranked[(colors.get(cache) ?? 0) % palette.ranked.length]!}
        />
      )}
    </div>
  );
}

/** A rank for every owner of a program, so that colours stay while steps change. */
function ownerColors(owners: readonly (readonly string[])[]): Map<string, number> {
  const names = [...new Set(owners.flat())].filter((name) => name !== "free");
  return new Map(names.map((name, rank) => [name, rank]));
}

function SpaceControls(): JSX.Element {
  const { space } = program.value;
  const change = (change: Partial<Space>): void => {
    const next = { ...space, ...change };
    checkSpace(next);
    setProgram({ space: next, steps: change.kind === undefined ? program.peek().steps : [] });
  };
  return (
    <>
      <Segments
        label="Space"
        value={space.kind}
        options={[
          ["pages", "Pages"],
          ["heap", "Heap"],
        ]}
        onChange={(kind) => change({ kind })}
      />
      <Choice
        label="Size"
        value={space.pageCount}
        options={withValue(PAGE_COUNTS, space.pageCount, `${space.pageCount} pages`)}
        onChange={(pageCount) => change({ pageCount })}
      />
      <Choice
        label="Page"
        value={space.pageSize}
        options={withValue(PAGE_SIZES, space.pageSize, bytes(space.pageSize))}
        onChange={(pageSize) => change({ pageSize })}
      />
    </>
  );
}

function withValue(
  options: readonly (readonly [number, string])[],
  value: number,
  text: string,
): readonly (readonly [number, string])[] {
  return options.some(([each]) => each === value) ? options : [[value, text], ...options];
}

function Share(): JSX.Element {
  const [said, setSaid] = useState("");
  const share = async (): Promise<void> => {
    const hash = programToHash(program.peek());
    history.replaceState(null, "", hash);
    try {
      await navigator.clipboard.writeText(location.href);
      setSaid("Link copied");
    } catch {
      setSaid("The link is in the address bar");
    }
    store.announcement.value = "The link to this program is in the address bar.";
  };
  return (
    <>
      <Button label="Share by link" onClick={() => void share()} />
      <span class="said">{said}</span>
    </>
  );
}

/** The steps, and what can be done next: typed, or clicked. */
function Steps({
  played,
  at,
}: {
  readonly played: ReturnType<typeof perform>;
  readonly at: number;
}): JSX.Element {
  const { space, steps } = program.value;
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const input = useRef<HTMLInputElement>(null);
  // What was wrong with a line is no news once something was done.
  useEffect(() => setError(""), [program.value]);
  const add = (line: string): void => {
    try {
      if (steps.length >= MAX_STEPS) throw new Error(`A program has at most ${MAX_STEPS} steps.`);
      parseStep(line, space);
      // What was after the step that is shown is given up, as in an editor after undo.
      const kept = steps.slice(0, at);
      setProgram({ space, steps: [...kept, line.trim()] });
      setText("");
      setError("");
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  const names = [...played[at]!.picture.places.keys()];
  const fresh = freshName(new Set(names));
  const suggestions =
    space.kind === "pages"
      ? [`${fresh} = block 0`, `${fresh} = block 2`, `${fresh} = pages 5`]
      : [
          `${fresh} = malloc 100`,
          `${fresh} = malloc 20000`,
          ...(steps.some((step) => step.startsWith("cache "))
            ? [`${fresh} = ${steps.find((step) => step.startsWith("cache "))!.split(/\s+/)[1]!}`]
            : ["cache inode 600"]),
        ];
  return (
    <section class="steps" aria-label="Steps">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add(text);
          input.current?.focus();
        }}
      >
        <label for="step-text">Next step</label>
        <div class="step-line">
          <input
            id="step-text"
            ref={input}
            value={text}
            placeholder={suggestions[0]}
            autocomplete="off"
            spellcheck={false}
            aria-describedby="step-error"
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="button primary">
            Do
          </button>
        </div>
        <p id="step-error" class="error-text" role="alert">
          {error}
        </p>
      </form>
      <div class="suggestions" role="group" aria-label="Steps to click">
        {suggestions.map((line) => (
          <Button key={line} label={line} onClick={() => add(line)} />
        ))}
        {names.slice(-8).map((name) => (
          <Button key={name} label={`free ${name}`} onClick={() => add(`free ${name}`)} />
        ))}
      </div>
      <div class="step-moves">
        <Button label="Step back" disabled={at === 0} onClick={() => (stepNumber.value = at - 1)}>
          <Icon name="back" />
        </Button>
        <input
          type="range"
          min={0}
          max={steps.length}
          value={at}
          aria-label="Step"
          aria-valuetext={`step ${at} of ${steps.length}`}
          onInput={(event) => (stepNumber.value = event.currentTarget.valueAsNumber)}
        />
        <Button label="Step on" disabled={at >= steps.length} onClick={() => (stepNumber.value = at + 1)}>
          <Icon name="on" />
        </Button>
        <Button
          label="Clear"
          disabled={steps.length === 0}
          onClick={() => setProgram({ space, steps: [] })}
        />
      </div>
      <ol class="step-list" tabIndex={0} aria-label="Program">
        {played.slice(1).map((step, index) => (
          <li key={index} class={index + 1 > at ? "undone" : step.failed ? "failed" : ""}>
            <button
              type="button"
              class="link"
              aria-current={index + 1 === at ? "step" : undefined}
              onClick={() => (stepNumber.value = index + 1)}
            >
              {step.text}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function freshName(taken: ReadonlySet<string>): string {
  for (let number = 0; ; number++) {
    const name =
      String.fromCharCode(97 + (number % 26)) + (number < 26 ? "" : String(Math.floor(number / 26)));
    if (!taken.has(name)) return name;
  }
}

/** Slabs with their slots, as rows of squares. */
function SlabStrips(props: {
  readonly slabs: ReturnType<typeof perform>[number]["picture"]["slabs"];
  readonly colorOf: (cache: string) => string;
}): JSX.Element {
  return (
    <section class="slab-strips" aria-label="Slabs">
      {props.slabs.slice(0, 24).map((slab) => {
        const used = slab.slots.split("1").length - 1;
        return (
          <figure key={slab.offset}>
            <figcaption>
              {slab.cache} · 0x{slab.offset.toString(16)} · {count(used)} of {count(slab.slots.length)} slots
              of {bytes(slab.slotSize)}
            </figcaption>
            <div class="strip" role="img" aria-label={`Slots in use: ${used} of ${slab.slots.length}`}>
              {Array.from(slab.slots.slice(0, 256), (bit, slot) => (
                <span
                  key={slot}
                  class={bit === "1" ? "slot used" : "slot"}
                  style={bit === "1" ? { background: props.colorOf(slab.cache) } : {}}
                />
              ))}
            </div>
          </figure>
        );
      })}
    </section>
  );
}
