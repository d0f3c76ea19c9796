/** Two allocators, or two settings, on the same events, side by side on one clock. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { compareWith } from "../state/app.ts";
import * as store from "../state/store.ts";
import { Button, Choice } from "../ui/controls.tsx";
import { bytes, count, percent } from "../ui/format.ts";
import type { MomentFigures } from "../film/describe.ts";
import type { TakeSettings, TakeSummary } from "../worker/protocol.ts";
import { MapCanvas } from "./map.tsx";

const ALLOCATORS = [
  ["heap", "Heap, caches by name"],
  ["malloc", "Heap, malloc only"],
  ["buddy", "Buddy allocator alone"],
] as const;

const PAGE_SIZES = [1024, 4096, 16_384, 65_536].map((size) => [size, bytes(size)] as const);

/** The comparison, or the choice of what to compare with. */
export function CompareView(): JSX.Element {
  const other = store.takes.value.find(({ take }) => take === store.otherTake.value) ?? null;
  const take = store.take.value!;
  return (
    <div class="compare">
      <Chooser />
      {other !== null && (
        <>
          <div class="compare-maps">
            {[take, other].map((each) => (
              <section key={each.take} class="compare-map" aria-label={each.allocator}>
                <h2>{each.allocator}</h2>
                <MapCanvas take={each.take} />
              </section>
            ))}
          </div>
          <Difference take={take} other={other} />
        </>
      )}
    </div>
  );
}

function Chooser(): JSX.Element {
  const [settings, setSettings] = useState<TakeSettings>({ allocator: "buddy", pageSize: 4096 });
  const [isShooting, setShooting] = useState(false);
  return (
    <div class="chooser">
      <p>
        The same events through another allocator, or by other settings. Both run here, in your browser, on
        one clock.
      </p>
      <Choice
        label="Compare with"
        value={settings.allocator}
        options={ALLOCATORS}
        onChange={(allocator) => setSettings({ ...settings, allocator })}
      />
      <Choice
        label="Page size"
        value={settings.pageSize}
        options={PAGE_SIZES}
        onChange={(pageSize) => setSettings({ ...settings, pageSize })}
      />
      <Button
        label={isShooting ? "Replaying …" : "Compare"}
        class="primary"
        disabled={isShooting}
        onClick={() => {
          setShooting(true);
          void compareWith(settings).finally(() => setShooting(false));
        }}
      />
    </div>
  );
}

const FIGURES: readonly (readonly [string, (figures: MomentFigures) => number])[] = [
  ["asked for", ({ liveBytes }) => liveBytes],
  ["waste inside objects", ({ usedBytes, liveBytes }) => usedBytes - liveBytes],
  ["waste between objects", ({ heldBytes, usedBytes }) => heldBytes - usedBytes],
  ["pages held", ({ heldBytes }) => heldBytes],
  ["largest free block", ({ largestFreeBytes }) => largestFreeBytes],
];

/** The figures of both at the moment, and the most that each ever held. */
function Difference({
  take,
  other,
}: {
  readonly take: TakeSummary;
  readonly other: TakeSummary;
}): JSX.Element | null {
  const left = store.readablePictures.value.get(take.take);
  const right = store.readablePictures.value.get(other.take);
  if (left === undefined || right === undefined) return null;
  const rows = FIGURES.map(([name, figure]) => [name, figure(left.figures), figure(right.figures)] as const);
  const peaks = [
    "most pages held so far",
    peakUntil(take, left.moment),
    peakUntil(other, left.moment),
  ] as const;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Difference in figures">
      <table class="figures difference">
        <caption>At event {count(left.moment)}</caption>
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col">{take.allocator}</th>
            <th scope="col">{other.allocator}</th>
            <th scope="col">Difference</th>
          </tr>
        </thead>
        <tbody>
          {[...rows, peaks].map(([name, a, b]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{bytes(a)}</td>
              <td>{bytes(b)}</td>
              <td>{difference(a, b)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">failed requests in all</th>
            <td>{count(take.failures.length)}</td>
            <td>{count(other.failures.length)}</td>
            <td>{count(other.failures.length - take.failures.length)}</td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}

/** How much more, or less, the second is. */
function difference(first: number, second: number): string {
  if (first === second) return "none";
  const sign = second > first ? "+" : "−";
  const more = Math.abs(second - first);
  return first === 0 ? `${sign}${bytes(more)}` : `${sign}${bytes(more)} (${sign}${percent(more, first)})`;
}

function peakUntil({ series }: TakeSummary, moment: number): number {
  let peak = 0;
  for (let at = 0; at < series.moment.length && series.moment[at]! <= moment; at++) {
    peak = Math.max(peak, series.heldBytes[at]!);
  }
  return peak;
}
