/** Small controls that several views use. */
import type { ComponentChildren, JSX } from "preact";

/** A button with a name for everyone. */
export function Button(props: {
  readonly label: string;
  readonly onClick: () => void;
  readonly children?: ComponentChildren;
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly class?: string;
  readonly title?: string;
}): JSX.Element {
  const { label, onClick, children, pressed, disabled = false, title } = props;
  return (
    <button
      type="button"
      class={`button ${props.class ?? ""}`}
      aria-label={children === undefined ? undefined : label}
      aria-pressed={pressed}
      title={title ?? (children === undefined ? undefined : label)}
      disabled={disabled}
      onClick={onClick}
    >
      {children ?? label}
    </button>
  );
}

/** A choice of one from a few, as buttons side by side. */
export function Segments<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
}): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button
          key={value}
          type="button"
          class="segment"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

/** A choice of one from many. */
export function Choice<Value extends string | number>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
}): JSX.Element {
  return (
    <label class="choice">
      <span>{props.label}</span>
      <select
        aria-label={props.label}
        value={String(props.value)}
        onChange={(event) => {
          const chosen = props.options.find(([value]) => String(value) === event.currentTarget.value);
          if (chosen !== undefined) props.onChange(chosen[0]);
        }}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={String(value)}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
